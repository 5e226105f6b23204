//! What each way to write a request gives.

use super::*;

/// Request line, headers and body in one text.
fn shown(request: &Request) -> String {
    let structured = Request { raw: None, ..request.clone() };
    String::from_utf8_lossy(&structured.to_wire()).replace("\r\n", "\n")
}

fn curl(text: &str) -> String {
    match parse_curl(text) {
        Ok(curl) => shown(&curl.request),
        Err(reason) => format!("error: {reason}"),
    }
}

#[test]
fn request_lines() {
    let request = parse_request_line("GET /?q=1").unwrap();
    assert_eq!(shown(&request), "GET /?q=1 HTTP/1.1\nHost: www.example.com\n\n");
    assert_eq!(
        shown(&parse_request_line(" PURGE * http/1.0 ").unwrap()),
        "PURGE * HTTP/1.0\nHost: www.example.com\n\n"
    );
    assert!(parse_request_line("/login").unwrap_err().contains("expected a request line"));
    assert!(parse_request_line("GET /a b").unwrap_err().contains("%20"));
    assert!(parse_request_line("GET / HTTP/1.1\nHost: x").unwrap_err().contains("one line"));
    assert!(parse_request_line("GET").unwrap_err().contains("a method and a target"));
    assert!(parse_request_line("").is_err());
    assert!(parse_request_line("from Burp").unwrap_err().contains("a target that starts with `/`, found `Burp`"));
    for line in ["GET http://a/", "OPTIONS *", "CONNECT a:443"] {
        assert!(parse_request_line(line).is_ok(), "{line}");
    }
    for text in ["HTTP/1.1 200 OK", "HTTP/2 200\nServer: x\n\n"] {
        assert!(parse_request_line(text).unwrap_err().starts_with("this is a response"));
        assert!(parse_message(text.as_bytes()).unwrap_err().starts_with("this is a response"));
    }
}

#[test]
fn raw_messages_keep_their_bytes() {
    let text = b"POST /a?b HTTP/1.1\r\nHost:  x \r\nX-A: 1\r\n\tgoes on\r\nContent-Length: 3\r\n\r\nabcdef";
    let request = parse_message(text).unwrap();
    assert_eq!(request.raw.as_deref(), Some(&text[..]));
    assert_eq!((&request.target[..], &request.body[..]), (&b"/a?b"[..], &b"abc"[..]));
    assert_eq!(request.headers[0], (b"Host".to_vec(), b"x".to_vec()));
    assert_eq!(request.headers[1].1, b"1 goes on");

    // A head without its empty line is completed, an absent Host stays absent.
    let request = parse_message(b"GET /a b HTTP/1.1\nX: y\n").unwrap();
    assert_eq!(request.raw.as_deref(), Some(&b"GET /a b HTTP/1.1\nX: y\n\r\n"[..]));
    assert_eq!(request.target, b"/a b");
    assert!(!request.has_header("host"));

    let chunked = b"POST / HTTP/1.1\nTransfer-Encoding: chunked\n\n3;x=y\r\nabc\r\n0\r\n\r\n";
    assert_eq!(parse_message(chunked).unwrap().body, b"abc");
    assert!(parse_message(b"\r\n").is_err());
    assert!(parse_message(b"GET\r\n\r\n").is_err());
}

#[test]
fn written_messages_get_true_framing() {
    let request = parse_message(b"POST / HTTP/1.1\nHost: x\n\na=1\n").unwrap();
    assert_eq!(shown(&request), "POST / HTTP/1.1\nHost: x\nContent-Length: 3\n\na=1");
    assert_eq!(request.raw, None);
    // The length that Burp showed counted CRLFs which the editor took away.
    let request = parse_message(b"POST / HTTP/1.1\nContent-Length: 6\n\na\nb\n").unwrap();
    assert_eq!(shown(&request), "POST / HTTP/1.1\nContent-Length: 3\n\na\nb");
    // HTTP/2, as Burp shows it, is never sent as text.
    assert_eq!(parse_message(b"GET / HTTP/2\nHost: x\n\n").unwrap().raw, None);
}

#[test]
fn json_lines() {
    let line = parse_json_line(br#"{"id":[1],"uri":"/x","other":{"a":1},"asn":null,"time":1.5}"#).unwrap();
    assert_eq!(line.id, serde_json::json!([1]));
    assert_eq!(shown(&line.request), "GET /x HTTP/1.1\nHost: www.example.com\n\n");
    assert_eq!(line.request.time, std::time::Duration::from_millis(1500));

    let line = parse_json_line(
        br#"{"id":"a","method":"POST","uri":"/","version":"HTTP/1.0","headers":[["A","b"],["A","c"],["content-length","9"]],
            "body":"AP8=","body_b64":true,"client_ip":"2001:db8::1","country":"DE","asn":64500,"tls":{"ja3":"j"},
            "response":{"status":401,"headers":[["X","y"]]}}"#,
    )
    .unwrap();
    let request = line.request;
    assert_eq!(request.body, [0, 255]);
    assert!(!request.has_header("host"));
    assert_eq!(request.header_values("Content-Length").collect::<Vec<_>>(), [b"2"]);
    assert_eq!(request.client_ip.to_string(), "2001:db8::1");
    assert_eq!((request.facts.asn, request.facts.ja3.as_deref()), (Some(64500), Some("j")));
    assert_eq!((request.response.status, request.response.headers.len()), (401, 1));

    let line = parse_json_line(br#"{"id":2,"raw_b64":"R0VUIC8gSFRUUC8xLjENCg0K","client_ip":"192.0.2.9"}"#).unwrap();
    assert_eq!(line.request.raw.as_deref(), Some(&b"GET / HTTP/1.1\r\n\r\n"[..]));
    assert_eq!(line.request.client_ip.to_string(), "192.0.2.9");
}

#[test]
fn broken_json_lines_keep_their_id() {
    for (line, reason) in [
        (&br#"{"id":7,"asn":99999999999}"#[..], "`asn` is a number from 0 to"),
        (br#"{"id":7,"url":"/","methd":"POST"}"#, "unknown key `methd`: did you mean `method`?"),
        (br#"{"id":7,"url":"/","Client-IP":"192.0.2.1"}"#, "unknown key `Client-IP`: did you mean `client_ip`?"),
        (br#"{"id":7,"request":"GET /"}"#, "unknown key `request`: a request is written as"),
        (br#"{"id":7,"url":"/","ip":"192.0.2.1"}"#, "unknown key `ip`: did you mean `client_ip`?"),
        (br#"{"id":7}"#, "neither `url` (or `uri`) nor `raw_b64`"),
        (br#"{"id":7,"url":"/","uri":"/"}"#, "two of `url` and `uri`"),
        (br#"{"id":7,"url":"/","tls":{"ja5":"x"}}"#, "unknown key `ja5` in `tls`"),
        (br#"{"id":7,"url":"/""#, "the JSON ends too early, at column 17"),
        (br#"{"id":7,"asn":-1}"#, "`asn` is a number"),
        (
            br#"{"id":7,"headers":7}"#,
            "`headers` is a list of [name, value] pairs, or a mapping of names to a text or a list of texts, found the number 7",
        ),
        (br#"{"id":7,"uri":"/","client_ip":"x"}"#, "`client_ip` is no IP address"),
        (br#"{"id":7,"uri":"/","time":-1}"#, "`time` is no time"),
        (br#"{"id":7,"uri":"/","time":1e300}"#, "`time` is no time"),
        (br#"{"id":7,"uri":"/","body":"?","body_b64":true}"#, "`body` is no base64"),
        (br#"{"id":7,"raw_b64":"?"}"#, "`raw_b64` is no base64"),
        (br#"{"id":7,"response":{"status":70000}}"#, "`response.status` is a number from 100 to 999"),
        (br#"{"id":7,"uri":"/","response":{"status":7}}"#, "out of range"),
    ] {
        let (id, found) = parse_json_line(line).unwrap_err();
        assert_eq!(id, 7);
        assert!(found.contains(reason), "{found}");
    }
    // Columns of a tool's own say nothing of the request.
    let own =
        br#"{"class":"x","source":"x","ref":1,"ids":[],"session":"x","title":"x","name":"x","mode":"x","url":"/"}"#;
    assert!(parse_json_line(own).is_ok());
    // Nobody reads them, so that only the grammar counts, and that a line is UTF-8.
    let odd =
        [r#"{"score":1e999,"uri":"/","label":"\ud800","tree":"#, &"[".repeat(500), &"]".repeat(500), "}"].concat();
    assert!(parse_json_line(odd.as_bytes()).is_ok());
    assert!(parse_json_line(b"{\"uri\":\"/\",\"label\":\"\xff\"}").is_err());
    assert_eq!(parse_json_line(b"{").unwrap_err().0, serde_json::Value::Null);
    assert_eq!(parse_json_line(b"\xff").unwrap_err().0, serde_json::Value::Null);
}

#[test]
fn curl_as_browsers_copy_it() {
    let chrome = "curl 'https://example.com/api?x=1#top' \\\n  -H 'accept: */*' \\\n  -b 'a=b; c=d' \\\n  \
                  --data-raw $'{\"a\":\"it\\'s \\u00e9\\x00\"}' \\\n  --compressed --insecure";
    assert_eq!(
        curl(chrome),
        "POST /api?x=1 HTTP/1.1\nHost: example.com\naccept: */*\nCookie: a=b; c=d\nContent-Type: \
         application/x-www-form-urlencoded\nContent-Length: 16\n\n{\"a\":\"it's é\0\"}"
    );
    let burp = "curl --path-as-is -i -s -k -X $'POST' -H $'Host: x' --data-binary $'a\\x0d\\x0ab' $'https://y/../z'";
    assert_eq!(
        curl(burp),
        "POST /../z HTTP/1.1\nHost: x\nContent-Type: application/x-www-form-urlencoded\nContent-Length: 4\n\na\nb"
    );
}

#[test]
fn curl_options() {
    assert_eq!(curl("curl -sSkXPUT h:81"), "PUT / HTTP/1.1\nHost: h:81\n\n");
    assert_eq!(curl("curl http://u:p%40@h?a"), "GET /?a HTTP/1.1\nHost: h\nAuthorization: Basic dTpwQA==\n\n");
    assert_eq!(curl("curl -G -d a=1 --data-urlencode 'b=x y' h/p?q"), "GET /p?q&a=1&b=x+y HTTP/1.1\nHost: h\n\n");
    assert_eq!(curl("curl -I h/a/./b/../c/.."), "HEAD /a/ HTTP/1.1\nHost: h\n\n");
    assert_eq!(
        curl("curl --json '{}' -H 'Accept:' -H 'X;' -A me -e r --http1.0 h"),
        "POST / HTTP/1.0\nHost: h\nX: \nUser-Agent: me\nReferer: r\nContent-Type: application/json\nContent-Length: 2\n\n{}"
    );
    assert_eq!(curl("curl --http2 h -H 'Host:'"), "GET / HTTP/2\n\n");
}

/// What curl 7.88 sends: a URL without `--path-as-is` loses its dot segments, one without `-g` is a pattern.
#[test]
fn curl_urls() {
    for (url, target) in [
        ("'h/a/../b/./c'", "/b/c"),
        ("--path-as-is 'h/a/../b/./c'", "/a/../b/./c"),
        ("'h/../../etc/passwd?x=/../y'", "/etc/passwd?x=/../y"),
        ("'h/a/%2e%2e/b'", "/a/%2e%2e/b"),
        ("'h/a/..;/b'", "/a/..;/b"),
        ("'h/a//../b'", "/a/b"),
        ("-g 'h/?a=${x}[1]'", "/?a=${x}[1]"),
        ("'h/?a=\\{b\\}\\[1\\]'", "/?a={b}[1]"),
        ("'h/?a[]=1&b=\\c'", "/?a[]=1&b=\\c"),
        ("'http://[::1]:80/?a=1'", "/?a=1"),
        ("--url-query 'a=b c' --url-query '+d=e+f' h/x", "/x?a=b+c&d=e+f"),
    ] {
        let command = format!("curl {url}");
        let request = parse_curl(&command).unwrap_or_else(|error| panic!("{command}: {error}")).request;
        assert_eq!(String::from_utf8(request.target).unwrap(), target, "{command}");
    }
}

#[test]
fn curl_errors_mark_what_is_wrong() {
    for (command, marked) in [
        ("curl -s --nope h", "--nope"),
        ("curl -sQk h", "-sQk"),
        ("curl h -d @secret -s", "-d @secret"),
        ("curl h -H 'no colon'", "-H 'no colon'"),
        ("curl h -H\"$X\"", "\"$X\""),
        ("curl 'h/{a}' -s", "'h/{a}'"),
        ("curl a -s 'b'", "'b'"),
        ("curl h 'open \\\n -s", "'open \\"),
        ("curl h | sh", "|"),
        ("curl h -X", "-X"),
        ("wget h", "wget"),
        ("curl -s", "curl"),
    ] {
        let error = parse_curl(command).unwrap_err();
        assert_eq!(&command[error.range], marked, "{command}: {}", error.message);
    }
}

#[test]
fn curl_commands_that_cannot_be_read() {
    for (command, reason) in [
        ("", "starts with `curl`"),
        ("wget http://h/", "starts with `curl`"),
        ("curl", "no URL"),
        ("curl a b", "several URLs"),
        ("curl -d @secret h", "`secret` is not read"),
        ("curl --data-urlencode a@b h", "`b` is not read"),
        ("curl -b jar.txt h", "cookie file `jar.txt`"),
        ("curl -T x h", "is not read"),
        ("curl -F a=b h", "multipart"),
        ("curl --nope h", "unknown curl option `--nope`"),
        ("curl -Q h", "unknown curl option `-Q`"),
        ("curl h -X", "`request` has no value"),
        ("curl 'h", "not closed"),
        ("curl \"h", "not closed"),
        ("curl $'h", "not closed"),
        ("curl $HOST", "expanded by a shell"),
        ("curl \"${HOST}\"", "expanded by a shell"),
        ("curl h | sh", "outside quotes"),
        ("curl ^\"h^\"", "cmd.exe"),
        ("curl ftp://h/", "no HTTP URL"),
        ("curl 'h/a b'", "%20"),
        ("curl http:///x", "no host"),
        ("curl -H nocolon h", "no `:`"),
        ("curl 'h/{a}'", "add `-g`"),
        ("curl 'h/?a[0]=1'", "add `-g`"),
        ("curl -G -d 'a=1 2' h", "%20"),
        ("curl --compresed h", "did you mean `--compressed`?"),
    ] {
        let shown = curl(command);
        assert!(shown.starts_with("error: ") && shown.contains(reason), "{command}: {shown}");
    }
}
