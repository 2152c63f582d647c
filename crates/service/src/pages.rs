//! Pages of lists: newest first, by an opaque cursor that is bound to the list and can't be forged.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_domain::{AccountId, KeyRing, Refusal};
use uuid::Uuid;

/// A stretch of a list that a caller asks for.
#[derive(Debug, Clone)]
pub struct PageRequest {
    /// 1 to 100.
    pub limit: u16,
    /// Where the last page ended.
    pub cursor: Option<String>,
}

/// A stretch of a list.
#[derive(Debug, Clone)]
pub struct Paged<T> {
    /// The items, newest first.
    pub items: Vec<T>,
    /// Where the next page begins, if there is more.
    pub next_cursor: Option<String>,
}

/// Names a list within an account.
pub(crate) struct List<'a> {
    pub(crate) keys: &'a KeyRing,
    pub(crate) name: &'static str,
    pub(crate) account: AccountId,
}

/// The label of cursors' seals.
const CURSOR: &str = "cursor";

impl List<'_> {
    fn bound<'a>(&'a self, at: &'a Uuid) -> [&'a [u8]; 3] {
        [self.name.as_bytes(), self.account.0.as_bytes(), at.as_bytes()]
    }

    /// The position that a cursor stands for.
    pub(crate) fn open(&self, cursor: Option<&str>) -> Result<Option<Uuid>, Refusal> {
        let Some(cursor) = cursor else { return Ok(None) };
        let unknown = || Refusal::invalid("cursor", "unknown", "is not a cursor of this list; take it from next_cursor of the page before");
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok().filter(|bytes| bytes.len() == 32).ok_or_else(unknown)?;
        let (at, seal) = bytes.split_at(16);
        let at = Uuid::from_slice(at).map_err(|_| unknown())?;
        if self.keys.is_seal(CURSOR, &self.bound(&at), seal) { Ok(Some(at)) } else { Err(unknown()) }
    }

    pub(crate) fn cursor(&self, at: Uuid) -> String {
        let mut bytes = at.as_bytes().to_vec();
        bytes.extend(self.keys.seal(CURSOR, &self.bound(&at)));
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Cuts a page out of items that come newest first; they may be more than fit.
    pub(crate) fn cut<T>(&self, items: impl Iterator<Item = T>, request: &PageRequest, position: impl Fn(&T) -> Uuid) -> Result<Paged<T>, Refusal> {
        let after = self.open(request.cursor.as_deref())?;
        let limit = usize::from(request.limit);
        let mut items: Vec<T> = items.filter(|item| after.is_none_or(|after| position(item) < after)).take(limit + 1).collect();
        let more = items.len() > limit;
        items.truncate(limit);
        let next_cursor = items.last().filter(|_| more).map(|last| self.cursor(position(last)));
        Ok(Paged { items, next_cursor })
    }
}
