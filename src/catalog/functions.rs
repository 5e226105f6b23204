//! The functions of conditions. A string function over a list-valued argument works on each element.

use super::{Availability, Type};

/// A function of the language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Function {
    Lower,
    Upper,
    Length,
    Trim,
    Squeeze,
    RemoveWhitespace,
    UrlDecode,
    HtmlDecode,
    Base64Decode,
    PathNormalize,
    Sha256,
    Md5,
    Int,
    Prefix,
    AnyForm,
}

/// One row of the catalogue.
#[derive(Clone, Copy, Debug)]
pub struct FunctionRow {
    pub function: Function,
    pub name: &'static str,
    /// For messages and docs.
    pub signature: &'static str,
    pub argument: Type,
    pub result: Type,
    pub varnish: Availability,
    pub fastly: Availability,
    pub doc: &'static str,
    pub example: &'static str,
}

use Availability::{Emulated, Native, Profile};

macro_rules! functions {
    ($($function:ident { $name:literal, $signature:literal, $argument:ident => $result:ident, varnish: $varnish:expr, fastly: $fastly:expr, $doc:literal, $example:literal })*) => {
        /// Every function.
        pub static FUNCTIONS: &[FunctionRow] = &[$(FunctionRow {
            function: Function::$function, name: $name, signature: $signature, argument: Type::$argument, result: Type::$result,
            varnish: $varnish, fastly: $fastly, doc: $doc, example: $example,
        },)*];
    };
}

functions! {
    Lower { "lower", "lower(string)", String => String, varnish: Emulated("case-insensitive comparison, or .lower()"), fastly: Native("std.tolower"),
        "ASCII letters in lower case; other bytes as they are.", r#"lower(req.headers["user-agent"]) contains "sqlmap""# }
    Upper { "upper", "upper(string)", String => String, varnish: Emulated("case-insensitive comparison, or .upper()"), fastly: Native("std.toupper"),
        "ASCII letters in upper case; other bytes as they are.", r#"upper(req.method) == "TRACE""# }
    Length { "length", "length(string)", String => Int, varnish: Emulated("a counting pattern; compares with constants"), fastly: Native("std.strlen"),
        "Length in bytes. Of a list: of each element.", "length(req.host) >= 150" }
    Trim { "trim", "trim(string)", String => String, varnish: Emulated("regsub"), fastly: Emulated("regsub"),
        "Without white space (space, tab, CR, LF, VT, FF) at both ends.", r#"trim(req.query) == "id""# }
    Squeeze { "squeeze", "squeeze(string)", String => String, varnish: Emulated("regsuball"), fastly: Emulated("regsuball"),
        "Each run of white space (space, tab, CR, LF, VT, FF) becomes one blank.", r#"squeeze(req.query) contains i"union select""# }
    RemoveWhitespace { "remove_whitespace", "remove_whitespace(string)", String => String, varnish: Emulated("regsuball"), fastly: Emulated("regsuball"),
        "Without any white space (space, tab, CR, LF, VT, FF).", r#"remove_whitespace(req.query) contains i"unionselect""# }
    UrlDecode { "url_decode", "url_decode(string)", String => String, varnish: Emulated("blob.transcode behind a guard"), fastly: Native("urldecode"),
        "Percent-escapes decoded once; `+`, `%00` and a `%` that starts no escape stay.", r#"url_decode(req.path) contains "../""# }
    HtmlDecode { "html_decode", "html_decode(string)", String => String, varnish: Emulated("regsuball and blob.transcode"), fastly: Emulated("regsuball"),
        "HTML character references decoded once: decimal and hexadecimal ones of 1 to 127 (leading zeros allowed, the semicolon optional), and `&lt; &gt; &amp; &quot; &apos; &lpar; &rpar; &lcub; &rcub; &lbrace; &rbrace; &lbrack; &rbrack; &dollar; &sol; &bsol; &colon; &semi; &comma; &period; &excl; &quest; &num; &equals; &grave; &Tab; &NewLine;` with their semicolon. Others stay.", r#"html_decode(req.query) contains i"<script""# }
    Base64Decode { "base64_decode", "base64_decode(string)", String => String, varnish: Emulated("blob.transcode behind a guard"), fastly: Native("digest.base64_decode"),
        "Standard base64, padding required, decoded up to the first NUL; absent when the text is no base64.", r#"any(base64_decode(req.args["q"]) contains "passwd")"# }
    PathNormalize { "path_normalize", "path_normalize(path)", String => String, varnish: Emulated("regsuball, up to 8 `..` segments"), fastly: Emulated("regsuball"),
        "`//` and `/./` become `/`, `/x/..` is removed, never above the root. More than 8 `..` segments are over the URL limit.", r#"path_normalize(req.path) starts_with "/admin/""# }
    Sha256 { "sha256", "sha256(string)", String => String, varnish: Profile("vmod digest, named under `targets.varnish.vmods`"), fastly: Native("digest.hash_sha256"),
        "SHA-256 as 64 lower-case hexadecimal digits.", r#"sha256(req.headers["x-key"]) == "…""# }
    Md5 { "md5", "md5(string)", String => String, varnish: Profile("vmod digest, named under `targets.varnish.vmods`"), fastly: Native("digest.hash_md5"),
        "MD5 as 32 lower-case hexadecimal digits.", r#"md5(req.headers["x-key"]) == "…""# }
    Int { "int", "int(string)", String => Int, varnish: Emulated("std.integer behind a guard"), fastly: Native("std.atoi"),
        "1 to 15 decimal digits as an integer; absent for anything else.", r#"any(int(req.args["page"]) > 1000)"# }
    Prefix { "prefix", "prefix(ip, IPV4_BITS, IPV6_BITS)", Ip => Ip, varnish: Emulated("regsub; IPv4 /8 /16 /24 /32, IPv6 multiples of 4"), fastly: Emulated("an ACL; addr.extract_bits in a key"),
        "The network of an address: its first bits, the rest zero.", "prefix(client.ip, 24, 56)" }
    AnyForm { "any_form", "any_form(field)", String => Strings, varnish: Emulated("one comparison per form"), fastly: Emulated("one comparison per form"),
        "The three forms of a field with a `.raw` twin: raw, decoded once (the field itself), decoded twice (`url_decode` of that). An operator on it means any form.", r#"any_form(req.url) contains "${jndi:""# }
}

impl Function {
    pub fn row(self) -> &'static FunctionRow {
        &FUNCTIONS[self as usize]
    }

    pub fn from_name(name: &str) -> Option<Function> {
        FUNCTIONS.iter().find(|row| row.name == name).map(|row| row.function)
    }
}

/// Named character references of `html_decode`, without `&` and with their semicolon. Case-sensitive.
pub const HTML_NAMES: &[(&str, u8)] = &[
    ("lt;", b'<'),
    ("gt;", b'>'),
    ("amp;", b'&'),
    ("quot;", b'"'),
    ("apos;", b'\''),
    ("lpar;", b'('),
    ("rpar;", b')'),
    ("lcub;", b'{'),
    ("rcub;", b'}'),
    ("lbrace;", b'{'),
    ("rbrace;", b'}'),
    ("lbrack;", b'['),
    ("rbrack;", b']'),
    ("dollar;", b'$'),
    ("sol;", b'/'),
    ("bsol;", b'\\'),
    ("colon;", b':'),
    ("semi;", b';'),
    ("comma;", b','),
    ("period;", b'.'),
    ("excl;", b'!'),
    ("quest;", b'?'),
    ("num;", b'#'),
    ("equals;", b'='),
    ("grave;", b'`'),
    ("Tab;", b'\t'),
    ("NewLine;", b'\n'),
];

/// `..` segments that `path_normalize` resolves; a path with more is over the URL limit.
pub const MAX_PARENT_SEGMENTS: usize = 8;
