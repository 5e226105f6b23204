//! A request line (`GET /?q=1`) or a raw HTTP message (Burp, Wireshark) → [`Request`].

use super::Request;

/// Reads `METHOD TARGET [VERSION]`; the rest is the defaults. The error is a sentence without full stop.
pub fn parse_request_line(text: &str) -> Result<Request, String> {
    let _ = text;
    Err("not built yet".to_owned())
}

/// Reads a raw message: request line, headers, an empty line, the body. Lines end in CRLF or LF. The bytes are kept
/// in `raw`. The error is a sentence without full stop.
pub fn parse_message(bytes: &[u8]) -> Result<Request, String> {
    let _ = bytes;
    Err("not built yet".to_owned())
}
