//! Laws of budgets: exact under any number of spends at once, over a restart, and whatever the clock does.

use std::sync::Arc;

use doorward_domain::{BudgetId, Quota, Timestamp};
use doorward_store::{Store, StoreError};
use doorward_tests::{Home, after, at_once, start};

doorward_tests::on_each_engine! {
    a_budget_gives_its_limit_exactly_and_refills,
    sixty_four_spends_at_once_take_no_more_than_there_is,
    budgets_share_nothing,
    a_clock_that_steps_back_gives_nothing,
    a_budget_survives_a_restart,
    budgets_that_are_full_again_leave_no_row,
}

const QUOTA: Quota = Quota { limit: 30, window_s: 60 };

fn budget(number: u8) -> BudgetId {
    BudgetId([number; 16])
}

async fn spend(store: &Arc<dyn Store>, count: u32, now: Timestamp) -> bool {
    store.spend(budget(1), QUOTA, count, now).await.expect("the store answers").granted
}

async fn a_budget_gives_its_limit_exactly_and_refills(store: Arc<dyn Store>) {
    for _ in 0..3 {
        assert!(spend(&store, 7, start()).await);
    }
    assert!(!spend(&store, 10, start()).await, "all or nothing");
    assert!(spend(&store, 9, start()).await, "a refusal took nothing");
    let empty = store.spend(budget(1), QUOTA, 1, start()).await.expect("the store answers");
    assert!(!empty.granted);
    assert_eq!(empty.full_at, after(60), "and says when it is full again");
    assert_eq!(QUOTA.left(empty.full_at, start()), 0);
    // One every two seconds.
    assert!(!spend(&store, 1, Timestamp::from_micros(after(2).micros() - 1)).await);
    assert!(spend(&store, 1, after(2)).await && !spend(&store, 1, after(2)).await);
    assert!(spend(&store, 30, after(3_600)).await && !spend(&store, 1, after(3_600)).await, "never more than it holds");
    assert!(!store.spend(budget(2), QUOTA, 31, after(3_600)).await.expect("the store answers").granted, "nor one that is new");
}

async fn sixty_four_spends_at_once_take_no_more_than_there_is(store: Arc<dyn Store>) {
    let granted = at_once(64, |_| {
        let store = Arc::clone(&store);
        async move { spend(&store, 1, start()).await }
    });
    assert_eq!(granted.await.into_iter().filter(|granted| *granted).count(), 30);
}

async fn budgets_share_nothing(store: Arc<dyn Store>) {
    assert!(spend(&store, 30, start()).await);
    assert!(store.spend(budget(2), QUOTA, 30, start()).await.expect("the store answers").granted);
}

async fn a_clock_that_steps_back_gives_nothing(store: Arc<dyn Store>) {
    assert!(spend(&store, 29, after(3_600)).await);
    assert!(!spend(&store, 30, start()).await);
    assert!(spend(&store, 1, after(3_600)).await && !spend(&store, 1, after(3_600)).await);
}

async fn a_budget_survives_a_restart((store, home): (Arc<dyn Store>, Arc<Home>)) {
    assert!(spend(&store, 30, start()).await);
    let store = home.reopen(&store).await;
    assert!(!spend(&store, 1, start()).await);
    store.close().await;
    let closed = store.spend(budget(1), QUOTA, 1, start()).await;
    assert!(matches!(closed, Err(StoreError::Unavailable(_))));
}

async fn budgets_that_are_full_again_leave_no_row((store, home): (Arc<dyn Store>, Arc<Home>)) {
    let count = async || {
        let rows = home.rows().await;
        rows.iter().filter(|row| row.starts_with("budget")).count()
    };
    for number in 0..100 {
        store.spend(budget(number), QUOTA, 1, start()).await.expect("the store answers");
    }
    assert_eq!(count().await, 100);
    for number in 100..151 {
        store.spend(budget(number), QUOTA, 1, after(600)).await.expect("the store answers");
    }
    assert_eq!(count().await, 51, "each new one cleared two old ones away");
}
