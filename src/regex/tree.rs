//! Engine text to a syntax tree, as far as the search for runaway input, `needs` and `behind` go. The text compiled before, so nothing
//! here reports errors: what is not understood gives no tree, and they do without. A set of bytes is never too small.

use super::bytes::{ByteSet, posix, shorthand};

/// A piece of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node {
    Empty,
    /// One byte of the set.
    Bytes(ByteSet),
    /// `^`, `\z`, `\b` and their like: no text, no repetition.
    Anchor,
    Concat(Vec<Node>),
    Alternate(Vec<Node>),
    /// A group, with its number when it captures.
    Group(Option<u32>, Box<Node>),
    Atomic(Box<Node>),
    /// A look-around, with its place in the engine text.
    Look(Look, (usize, usize), Box<Node>),
    Repeat(Box<Repeat>),
    /// A back-reference, with the group's number where it is known.
    Reference(Option<u32>),
    /// A conditional group: its test if that is a look-around, then its branches.
    Conditional(Vec<Node>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    Ahead,
    NotAhead,
    Behind,
    NotBehind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Repeat {
    pub body: Node,
    pub min: u32,
    /// `None`: no limit.
    pub max: Option<u32>,
    pub mode: Mode,
    /// In the engine text, from what is repeated to the end of the quantifier.
    pub start: usize,
    pub end: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Greedy,
    Lazy,
    Possessive,
}

/// The tree of an engine text.
pub(super) fn parse(text: &str) -> Option<Node> {
    let mut parser = Parser { text: text.as_bytes(), at: 0, fold: false, groups: 0, names: Vec::new() };
    let tree = parser.alternatives()?;
    (parser.at == parser.text.len()).then_some(tree)
}

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
    /// Whether case is ignored here.
    fold: bool,
    groups: u32,
    names: Vec<(&'a [u8], u32)>,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a [u8] {
        &self.text[self.at.min(self.text.len())..]
    }

    fn take(&mut self, prefix: &[u8]) -> bool {
        let found = self.rest().starts_with(prefix);
        if found {
            self.at += prefix.len();
        }
        found
    }

    /// What stands before `close`, which is read too.
    fn take_until(&mut self, close: u8) -> Option<&'a [u8]> {
        let length = self.rest().iter().position(|&byte| byte == close)?;
        let inside = &self.rest()[..length];
        self.at += length + 1;
        Some(inside)
    }

    /// Up to the group's end or the text's. An option set inside holds until there, over bars too. PCRE2 limits the nesting
    /// of parentheses to 250, so the recursion is bounded.
    fn alternatives(&mut self) -> Option<Node> {
        let fold = self.fold;
        let mut branches = Vec::new();
        let mut items = Vec::new();
        loop {
            match self.rest().first() {
                None | Some(b')') => break,
                Some(b'|') => {
                    self.at += 1;
                    branches.push(concat(core::mem::take(&mut items)));
                }
                Some(_) => {
                    let start = self.at;
                    if let Some(item) = self.atom()? {
                        let item = self.quantified(item, start)?;
                        items.push(item);
                    }
                }
            }
        }
        self.fold = fold;
        if branches.is_empty() {
            return Some(concat(items));
        }
        branches.push(concat(items));
        Some(Node::Alternate(branches))
    }

    /// One item without its quantifier; `Some(None)` for what is no item (options, comments).
    fn atom(&mut self) -> Option<Option<Node>> {
        let byte = *self.rest().first()?;
        self.at += 1;
        Some(Some(match byte {
            b'(' => return self.group(),
            b'[' => self.class()?,
            b'\\' => self.escape()?,
            b'.' => Node::Bytes(ByteSet::ALL),
            b'^' => Node::Anchor,
            _ => self.literal(byte),
        }))
    }

    fn literal(&self, byte: u8) -> Node {
        Node::Bytes(self.folded(ByteSet::of([byte])))
    }

    fn folded(&self, set: ByteSet) -> ByteSet {
        if self.fold { set.fold() } else { set }
    }

    fn quantified(&mut self, mut item: Node, start: usize) -> Option<Node> {
        loop {
            while self.take(b"(?#)") {}
            let (min, max) = match self.rest().first() {
                Some(b'*') => (0, None),
                Some(b'+') => (1, None),
                Some(b'?') => (0, Some(1)),
                Some(b'{') => {
                    self.at += 1;
                    let inside = core::str::from_utf8(self.take_until(b'}')?).ok()?;
                    self.at -= 1;
                    match inside.split_once(',') {
                        None => (inside.parse().ok()?, Some(inside.parse().ok()?)),
                        Some((min, "")) => (min.parse().ok()?, None),
                        Some((min, max)) => (min.parse().ok()?, Some(max.parse().ok()?)),
                    }
                }
                _ => return Some(item),
            };
            self.at += 1;
            let mode = if self.take(b"?") {
                Mode::Lazy
            } else if self.take(b"+") {
                Mode::Possessive
            } else {
                Mode::Greedy
            };
            item = Node::Repeat(Box::new(Repeat { body: item, min, max, mode, start, end: self.at }));
        }
    }

    /// After an opening parenthesis.
    fn group(&mut self) -> Option<Option<Node>> {
        if !self.take(b"?") {
            return self.capture(None).map(Some);
        }
        let looks: [(&[u8], Look); 4] =
            [(b"=", Look::Ahead), (b"!", Look::NotAhead), (b"<=", Look::Behind), (b"<!", Look::NotBehind)];
        for (mark, look) in looks {
            if self.take(mark) {
                let start = self.at - mark.len() - 2;
                let body = self.inside()?;
                return Some(Some(Node::Look(look, (start, self.at), Box::new(body))));
            }
        }
        if self.take(b"#") {
            self.take_until(b')')?;
            return Some(None);
        }
        if self.take(b":") || self.take(b"|") {
            return Some(Some(Node::Group(None, Box::new(self.inside()?))));
        }
        if self.take(b">") {
            return Some(Some(Node::Atomic(Box::new(self.inside()?))));
        }
        if self.take(b"P=") {
            let name = self.take_until(b')')?;
            return Some(Some(Node::Reference(self.number_of(name))));
        }
        if self.take(b"P<") || self.take(b"<") {
            let name = self.take_until(b'>')?;
            return self.capture(Some(name)).map(Some);
        }
        if self.take(b"'") {
            let name = self.take_until(b'\'')?;
            return self.capture(Some(name)).map(Some);
        }
        if self.take(b"(") {
            return self.conditional().map(Some);
        }
        self.options()
    }

    fn inside(&mut self) -> Option<Node> {
        let tree = self.alternatives()?;
        self.take(b")").then_some(tree)
    }

    fn capture(&mut self, name: Option<&'a [u8]>) -> Option<Node> {
        self.groups += 1;
        let number = self.groups;
        self.names.extend(name.map(|name| (name, number)));
        Some(Node::Group(Some(number), Box::new(self.inside()?)))
    }

    fn conditional(&mut self) -> Option<Node> {
        let mut parts = Vec::new();
        if self.take(b"?") {
            self.at -= 2;
            parts.push(self.atom()??);
        } else {
            self.take_until(b')')?;
        }
        let inside = self.inside()?;
        if let Node::Alternate(branches) = inside {
            parts.extend(branches);
        } else {
            parts.extend([inside, Node::Empty]);
        }
        Some(Node::Conditional(parts))
    }

    /// `(?i)`, `(?i:…)`; of the options only `i` matters.
    fn options(&mut self) -> Option<Option<Node>> {
        let fold = self.fold;
        let mut set = true;
        loop {
            let byte = *self.rest().first()?;
            self.at += 1;
            match byte {
                b'^' => self.fold = false,
                b'-' => set = false,
                b'i' => self.fold = set,
                b'a'..=b'z' | b'A'..=b'Z' => {}
                b')' => return Some(None),
                b':' => {
                    let body = self.inside()?;
                    self.fold = fold;
                    return Some(Some(Node::Group(None, Box::new(body))));
                }
                _ => return None,
            }
        }
    }

    fn number_of(&self, name: &[u8]) -> Option<u32> {
        let number = core::str::from_utf8(name).ok().and_then(|digits| digits.parse::<i64>().ok());
        match number {
            Some(number) if number < 0 => u32::try_from(i64::from(self.groups) + 1 + number).ok(),
            Some(number) if name.starts_with(b"+") => u32::try_from(i64::from(self.groups) + number).ok(),
            Some(number) => u32::try_from(number).ok(),
            None => self.names.iter().find(|(known, _)| *known == name).map(|(_, number)| *number),
        }
    }

    /// After a backslash, outside a class.
    fn escape(&mut self) -> Option<Node> {
        let byte = *self.rest().first()?;
        self.at += 1;
        Some(match byte {
            b'b' | b'B' | b'A' | b'z' | b'Z' => Node::Anchor,
            b'1'..=b'9' => {
                let digits = 1 + self.rest().iter().take_while(|byte| byte.is_ascii_digit()).count();
                self.at += digits - 1;
                // Two digits may be octal: rare, and then the search just knows less.
                Node::Reference((digits == 1).then(|| u32::from(byte - b'0')))
            }
            b'g' | b'k' => {
                let close = match self.rest().first() {
                    Some(b'{') => b'}',
                    Some(b'<') => b'>',
                    Some(b'\'') => b'\'',
                    _ => {
                        let sign = usize::from(matches!(self.rest().first(), Some(b'-' | b'+')));
                        let length = sign + self.rest()[sign..].iter().take_while(|byte| byte.is_ascii_digit()).count();
                        let number = self.number_of(&self.rest()[..length]);
                        self.at += length;
                        return Some(Node::Reference(number));
                    }
                };
                self.at += 1;
                let name = self.take_until(close)?;
                Node::Reference(self.number_of(name))
            }
            _ => {
                let set = self.escaped_set(byte)?;
                Node::Bytes(self.folded(set))
            }
        })
    }

    /// The bytes of an escape, whose first byte is read; the same outside a class and inside one.
    fn escaped_set(&mut self, byte: u8) -> Option<ByteSet> {
        if let Some(set) = shorthand(byte) {
            return Some(set);
        }
        let value = match byte {
            b'a' => 7,
            b'e' => 27,
            b'f' => 12,
            b'n' => 10,
            b'r' => 13,
            b't' => 9,
            b'x' => {
                let digits = core::str::from_utf8(self.rest().get(..2)?).ok()?;
                self.at += 2;
                u8::from_str_radix(digits, 16).ok()?
            }
            b'0'..=b'7' => {
                let more = self.rest().iter().take(2).take_while(|byte| matches!(byte, b'0'..=b'7')).count();
                let digits = core::str::from_utf8(&self.text[self.at - 1..self.at + more]).ok()?;
                self.at += more;
                u8::from_str_radix(digits, 8).ok()?
            }
            _ if byte.is_ascii_alphanumeric() => return None,
            _ => byte,
        };
        Some(ByteSet::of([value]))
    }

    /// After the opening bracket. The rewriter has put backslashes before all that is not obvious.
    fn class(&mut self) -> Option<Node> {
        let negated = self.take(b"^");
        let mut set = ByteSet::EMPTY;
        loop {
            let byte = *self.rest().first()?;
            if self.take(b"\\E") {
                continue;
            }
            if self.take(b"[:") {
                let name = self.take_until(b':')?;
                self.take(b"]").then_some(())?;
                let (name, inverted) = name.strip_prefix(b"^").map_or((name, false), |name| (name, true));
                // With case ignored, upper and lower are both any letter.
                let named = self.folded(posix(name)?);
                set = set.union(if inverted { named.inverted() } else { named });
                continue;
            }
            self.at += 1;
            if byte == b']' {
                break;
            }
            let (low, single) = self.class_member(byte)?;
            let is_range = self.rest().first() == Some(&b'-') && self.rest().get(1).is_some_and(|&next| next != b']');
            match single {
                Some(low) if is_range => {
                    self.at += 2;
                    let (set_of_high, high) = self.class_member(self.text[self.at - 1])?;
                    match high {
                        Some(high) => set = set.union(ByteSet::of(low..=high)),
                        None => {
                            // `[a-\d]`: the hyphen is itself. PCRE2 has accepted it.
                            set = set.union(set_of_high).union(ByteSet::of([low, b'-']));
                        }
                    }
                }
                Some(_) | None => set = set.union(low),
            }
        }
        let set = self.folded(set);
        Some(Node::Bytes(if negated { set.inverted() } else { set }))
    }

    /// A member whose first byte is read: its bytes, and the byte if it is a single one.
    fn class_member(&mut self, byte: u8) -> Option<(ByteSet, Option<u8>)> {
        if byte != b'\\' {
            return Some((ByteSet::of([byte]), Some(byte)));
        }
        let escaped = *self.rest().first()?;
        self.at += 1;
        if escaped == b'b' {
            return Some((ByteSet::of([8]), Some(8)));
        }
        let set = self.escaped_set(escaped)?;
        let single = shorthand(escaped).is_none().then(|| (0..=255_u8).find(|&byte| set.contains(byte))).flatten();
        Some((set, single))
    }
}

fn concat(mut items: Vec<Node>) -> Node {
    match items.len() {
        0 => Node::Empty,
        1 => items.remove(0),
        _ => Node::Concat(items),
    }
}
