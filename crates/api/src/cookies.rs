//! Reading the `Cookie` header.

use http::{HeaderMap, header};

/// The values of the cookies of a name, in order, over all the header's lines: HTTP/2 may split it. What isn't text is no value of ours,
/// and keeps none of the others from being read.
pub(crate) fn cookies<'a>(headers: &'a HeaderMap, wanted: &'a str) -> impl Iterator<Item = &'a str> {
    let pairs = headers.get_all(header::COOKIE).iter().flat_map(|line| line.as_bytes().split(|&byte| byte == b';'));
    let pairs = pairs.filter_map(|pair| std::str::from_utf8(pair).ok()?.trim().split_once('='));
    pairs.filter(move |(name, _)| *name == wanted).map(|(_, value)| value)
}
