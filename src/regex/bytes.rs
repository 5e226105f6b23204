//! Sets of bytes: what one position of a pattern can match. Used by `tree` and by what reads trees.

/// A set of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub(super) struct ByteSet([u64; 4]);

impl ByteSet {
    pub const EMPTY: ByteSet = ByteSet([0; 4]);
    pub const ALL: ByteSet = ByteSet([u64::MAX; 4]);

    pub fn insert(&mut self, byte: u8) {
        self.0[usize::from(byte >> 6)] |= 1 << (byte & 63);
    }

    pub fn of(bytes: impl IntoIterator<Item = u8>) -> ByteSet {
        let mut set = ByteSet::EMPTY;
        bytes.into_iter().for_each(|byte| set.insert(byte));
        set
    }

    pub fn contains(&self, byte: u8) -> bool {
        self.0[usize::from(byte >> 6)] & (1 << (byte & 63)) != 0
    }

    pub fn union(self, other: ByteSet) -> ByteSet {
        ByteSet(std::array::from_fn(|index| self.0[index] | other.0[index]))
    }

    pub fn inverted(self) -> ByteSet {
        ByteSet(self.0.map(|word| !word))
    }

    pub fn intersects(&self, other: &ByteSet) -> bool {
        self.0.iter().zip(&other.0).any(|(left, right)| left & right != 0)
    }

    /// With the other case of each ASCII letter.
    pub fn fold(mut self) -> ByteSet {
        // `A`–`Z` and `a`–`z` are bits 1–26 of the halves of the second word.
        const LETTERS: u64 = 0x07ff_fffe;
        let letters = self.0[1];
        let either = (letters | (letters >> 32)) & LETTERS;
        self.0[1] |= either | (either << 32);
        self
    }

    /// Its members with upper case made lower, one bit each: those of the lower half and those of the upper half.
    pub fn lower(&self) -> (u128, u128) {
        // `A`–`Z` are bits 1–26 of the second word, `a`–`z` 32 further on.
        const UPPER: u64 = 0x07ff_fffe;
        let [low, letters, high, highest] = self.0;
        let letters = letters & !UPPER | (letters & UPPER) << 32;
        (u128::from(letters) << 64 | u128::from(low), u128::from(highest) << 64 | u128::from(high))
    }

    /// The member that reads best; never NUL, which no subject has.
    pub fn example(&self) -> Option<u8> {
        readable().find(|&byte| self.contains(byte))
    }
}

/// Every byte but NUL, the best to read first.
pub(super) fn readable() -> impl Iterator<Item = u8> {
    (b'a'..=b'z')
        .chain(b'A'..=b'Z')
        .chain(b'0'..=b'9')
        .chain(b'!'..=b'/')
        .chain(b':'..=b'@')
        .chain(b'['..=b'`')
        .chain(b'{'..=b'~')
        .chain([b' ', b'\n', b'\t', b'\r'])
        .chain(0x80..=0xff)
        .chain((1..=8).chain([11, 12]).chain(14..=31))
        .chain([0x7f])
}

/// `\d`, `\s`, `\w`, `\h`, `\v` as PCRE2 has them for bytes.
pub(super) fn shorthand(letter: u8) -> Option<ByteSet> {
    let set = match letter.to_ascii_lowercase() {
        b'd' => ByteSet([0x03ff << 48, 0, 0, 0]),
        b's' => ByteSet([(1 << 32) | 0x3e00, 0, 0, 0]),
        b'w' => ByteSet([0x03ff << 48, 0x07ff_fffe_87ff_fffe, 0, 0]),
        b'h' => ByteSet([(1 << 32) | (1 << 9), 0, 1 << 32, 0]),
        b'v' => ByteSet([0x3c00, 0, 1 << 5, 0]),
        _ => return None,
    };
    Some(if letter.is_ascii_uppercase() { set.inverted() } else { set })
}

/// A POSIX class by name.
pub(super) fn posix(name: &[u8]) -> Option<ByteSet> {
    let test: fn(&u8) -> bool = match name {
        b"alpha" => u8::is_ascii_alphabetic,
        b"lower" => u8::is_ascii_lowercase,
        b"upper" => u8::is_ascii_uppercase,
        b"alnum" => u8::is_ascii_alphanumeric,
        b"ascii" => u8::is_ascii,
        b"blank" => |byte| matches!(byte, b' ' | b'\t'),
        b"cntrl" => u8::is_ascii_control,
        b"digit" => u8::is_ascii_digit,
        b"graph" => u8::is_ascii_graphic,
        b"print" => |byte| byte.is_ascii_graphic() || *byte == b' ',
        b"punct" => u8::is_ascii_punctuation,
        b"space" => |byte| matches!(byte, 9..=13 | b' '),
        b"word" => |byte| byte.is_ascii_alphanumeric() || *byte == b'_',
        b"xdigit" => u8::is_ascii_hexdigit,
        _ => return None,
    };
    Some(ByteSet::of((0..=255_u8).filter(test)))
}
