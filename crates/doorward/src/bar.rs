//! A bar that shows people at a terminal how far a copy is.

use std::io::{IsTerminal as _, Write as _};

/// The bar; nothing where there is no terminal. It goes when this does.
pub(crate) struct Bar {
    what: &'static str,
    shown: Option<u64>,
}

impl Bar {
    /// None drawn yet.
    pub(crate) fn new(what: &'static str) -> Self {
        Self { what, shown: None }
    }

    /// So much of all is done.
    pub(crate) fn show(&mut self, done: u64, all: u64) {
        let percent = (done * 100).checked_div(all).unwrap_or(100).min(100);
        if self.shown == Some(percent) || !std::io::stderr().is_terminal() {
            return;
        }
        self.shown = Some(percent);
        // A closed terminal sees nothing.
        let _ = write!(std::io::stderr(), "\r{}", drawn(self.what, percent));
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if self.shown.is_some() {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

fn drawn(what: &str, percent: u64) -> String {
    let full = usize::try_from(percent / 4).unwrap_or(25);
    format!("{what} [{}{}] {percent:>3} %", "#".repeat(full), "-".repeat(25 - full))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_as_long_at_the_end_as_at_the_beginning() {
        assert_eq!(drawn("Copying", 0), "Copying [-------------------------]   0 %");
        assert_eq!(drawn("Copying", 52), "Copying [#############------------]  52 %");
        assert_eq!(drawn("Copying", 100), "Copying [#########################] 100 %");
    }
}
