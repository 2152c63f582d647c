//! State tables: each state of device, offer, sign-in and session with each thing that can be done, tried on the code itself.

mod device;
mod draw;
mod machine;
mod offer;
mod session;
mod sign_in;
mod world;

fn document() -> String {
    let intro = "<!-- Made from crates/tests/tests/states: UPDATE_DOCS=1 cargo test -p doorward-tests --test states -->\n\n\
         # States\n\n\
         Every table here is made by the code: each state is brought about, each thing is done to it, and what came of it is written down. \
         `✗` is a refusal, which changes nothing; `–` means that nothing changed at all; *stays* that the state is the same and something else changed. \
         A diagram shows the moves alone.\n";
    let chapters = [device::machine(), session::machine(), offer::machine(), sign_in::machine()];
    let chapters: Vec<String> = chapters.iter().map(draw::chapter).collect();
    let decisions =
        format!("### What a sign-in with its token is decided\n\nBy a person who has a second factor that wasn't asked for yet.\n\n{}", device::decisions());
    format!("{intro}\n{}\n{decisions}\n{}", chapters[0], chapters[1..].join("\n"))
}

/// `UPDATE_DOCS=1` writes the page anew.
#[test]
fn the_page_shows_what_the_code_does() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/states.md");
    let made = document();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, &made).expect("the folder is there");
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(kept == made, "docs/states.md isn't what the code does; UPDATE_DOCS=1 cargo test -p doorward-tests --test states writes it anew");
}
