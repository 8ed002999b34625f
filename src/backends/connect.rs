//! Tells the kinds of failed connections apart.

use std::error::Error;
use std::io;

use crate::model::ConnectKind;

/// The kind of a connection failure, from whatever error lies at its bottom.
pub(super) fn kind(error: &(dyn Error + 'static)) -> ConnectKind {
    if error.is::<rustls::Error>() {
        return ConnectKind::Tls;
    }
    // hyper-util marks failed look-ups of names by their text alone.
    if error.to_string() == "dns error" {
        return ConnectKind::Dns;
    }
    let cause = error.downcast_ref::<io::Error>();
    match cause.map(io::Error::kind) {
        Some(io::ErrorKind::ConnectionRefused) => return ConnectKind::Refused,
        Some(io::ErrorKind::TimedOut) => return ConnectKind::Timeout,
        _ => {}
    }
    // `source` of an I/O error steps over the error that it wraps.
    let wrapped = cause.and_then(io::Error::get_ref).map(|inner| inner as &(dyn Error + 'static));
    wrapped.or_else(|| error.source()).map_or(ConnectKind::Other, kind)
}

/// The innermost cause: the outer ones repeat the URL, which may hold a query.
pub(super) fn root_of<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrapped(inner: impl Error + Send + Sync + 'static) -> io::Error {
        io::Error::other(io::Error::other(inner))
    }

    #[test]
    fn kinds_are_found_below_other_errors() {
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        assert_eq!(kind(&wrapped(refused)), ConnectKind::Refused);
        assert_eq!(kind(&wrapped(rustls::Error::DecryptError)), ConnectKind::Tls);
        assert_eq!(kind(&wrapped(io::Error::from(io::ErrorKind::TimedOut))), ConnectKind::Timeout);
        assert_eq!(kind(&wrapped(io::Error::other("no route"))), ConnectKind::Other);
    }
}
