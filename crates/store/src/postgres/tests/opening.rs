//! Opening: several nodes at once, leases left behind, schemas and servers that don't fit, encrypted connections.

use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::*;
use crate::StoreError;

async fn refusal(url: &str) -> String {
    match PostgresStore::open(url).await {
        Err(StoreError::Misconfigured(text)) => text,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it opened"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_open_an_empty_database_at_once_all_succeed() {
    for _ in 0..3 {
        in_database(|place| async move {
            for opened in join_all((0..8).map(|_| place.open())).await {
                opened.ready().await.expect("ready");
            }
            assert_eq!(place.number("SELECT count(*) FROM schema_migration").await, 1);
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_its_holder_left_behind_is_taken_over_when_it_ends() {
    in_database(|place| async move {
        place
            .sql(
                "CREATE TABLE lease (name TEXT NOT NULL PRIMARY KEY, owner TEXT NOT NULL, expires_at BIGINT NOT NULL);
                 INSERT INTO lease VALUES ('migration', 'a node that died', CAST(extract(epoch FROM now()) * 1000000 AS BIGINT) + 1000000)",
            )
            .await;
        let began = Instant::now();
        place.open().await.ready().await.expect("ready");
        assert!((Duration::from_millis(700)..Duration::from_secs(5)).contains(&began.elapsed()), "{:?}", began.elapsed());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_another_program_are_left_alone() {
    in_database(|place| async move {
        place.sql("CREATE TABLE session (sid TEXT)").await;
        let text = refusal(&place.url()).await;
        assert!(text.contains("a database of its own"), "{text}");
        assert_eq!(place.number("SELECT count(*) FROM pg_tables WHERE tablename = 'account'").await, 0, "nothing half made");
        // A schema of its own will do.
        place.sql("CREATE SCHEMA doorward").await;
        PostgresStore::open(&format!("{}?options=-csearch_path%3Ddoorward", place.url())).await.expect("it opens");
        assert_eq!(place.number("SELECT count(*) FROM pg_tables WHERE schemaname = 'doorward' AND tablename = 'session'").await, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_operator_has_to_mend_comes_with_what_to_do() {
    in_database(|place| async move {
        let url = place.url();
        let start = url.find("//").expect("an address") + 2;
        let password = url.find('@').expect("a password");
        let wrong = format!("{}doorward:not-the-password{}", &url[..start], &url[password..]);
        let text = refusal(&wrong).await;
        assert!(text.contains("check user and password") && !text.contains("not-the-password"), "{text}");
        let text = refusal(&with_database(&url, "not_there")).await;
        assert!(text.contains("create it"), "{text}");
        place.sql("CREATE ROLE guest LOGIN PASSWORD 'guest'").await;
        let text = refusal(&format!("{}guest:guest{}", &url[..start], &url[password..])).await;
        place.sql("DROP ROLE guest").await;
        assert!(text.contains("the owner of the database"), "{text}");
        let closed = PostgresStore::open("postgres://a:b@127.0.0.1:1/d").await.err().map(|error| error.to_string());
        assert!(closed.is_some_and(|text| text.contains("refused")));
    })
    .await;
    in_database_made(" TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'", |place| async move {
        let text = refusal(&place.url()).await;
        assert!(text.contains("ENCODING 'UTF8'"), "{text}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_takes_no_changes_isnt_ready() {
    in_database(|place| async move {
        let store = place.open().await;
        place.sql(&format!("ALTER DATABASE {} SET default_transaction_read_only = on", place.name)).await;
        assert!(matches!(PostgresStore::open(&place.url()).await.map(drop), Err(StoreError::Unavailable(_))));
        place.sql("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()").await;
        assert!(matches!(store.ready().await, Err(StoreError::Unavailable(_))));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_are_synchronous_unless_more_was_asked_for() {
    in_database(|place| async move {
        for (given, kept) in [("off", "on"), ("local", "on"), ("remote_apply", "remote_apply")] {
            place.sql(&format!("ALTER DATABASE {} SET synchronous_commit = {given}", place.name)).await;
            let database = super::super::pool::Database::new(super::super::Address::parse(&place.url()).expect("an address")).expect("a pool");
            let answers = database.read(vec![super::super::Ask::new("SELECT current_setting('synchronous_commit')", vec![])]).await.expect("an answer");
            assert_eq!(answers[0].rows[0].get::<_, &str>(0), kept);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn encryption_is_as_libpq_has_it() {
    let Ok(certificate) = std::env::var("DOORWARD_TEST_POSTGRES_CA") else {
        eprintln!("skipped: DOORWARD_TEST_POSTGRES_CA names no certificate");
        return;
    };
    in_database(|place| async move {
        let encrypted = "SELECT count(*) FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) WHERE a.application_name = 'doorward' AND a.datname = current_database() AND s.ssl";
        let by_number = place.url().replacen("@localhost:", "@127.0.0.1:", 1);
        for (url, query, expected) in [
            (place.url(), String::new(), Some(true)),
            (place.url(), "?sslmode=disable".to_owned(), Some(false)),
            (place.url(), "?sslmode=require".to_owned(), Some(true)),
            (place.url(), format!("?sslmode=verify-full&sslrootcert={certificate}"), Some(true)),
            (by_number.clone(), format!("?sslmode=verify-ca&sslrootcert={certificate}"), Some(true)),
            // Another name than the certificate's; roots that don't vouch for it.
            (by_number, format!("?sslmode=verify-full&sslrootcert={certificate}"), None),
            (place.url(), "?sslmode=verify-full".to_owned(), None),
        ] {
            let opened = PostgresStore::open(&format!("{url}{query}")).await;
            let Some(expected) = expected else {
                assert!(opened.is_err(), "{query}");
                continue;
            };
            let store = opened.unwrap_or_else(|error| panic!("{query}: {error}"));
            assert_eq!(place.number(encrypted).await > 0, expected, "{query}");
            store.close().await;
            place.sql("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'doorward' AND datname = current_database()").await;
        }
    })
    .await;
}
