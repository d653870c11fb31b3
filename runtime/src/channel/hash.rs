//! The stable hash of a key.
//!
//! It decides which subtask owns a key, and it is written into snapshots, so it may never change: not with the
//! platform, the compiler, or a type's `Hash` implementation. It is therefore taken over the key's *serialized* form
//! (serde's data model), normalised: integers are widened to 64 bits (128-bit ones to two words), text and bytes are
//! hashed in little-endian words followed by their length, an enum variant by its index. Names of types and fields do not count.
//!
//! The mixing step multiplies two 64-bit words to 128 bits and folds the halves, as in wyhash
//! (Wang Yi, <https://github.com/wangyi-fudan/wyhash>). The tests hold golden values.

use serde::Serialize;
use serde::ser;

const SEED: u64 = 0x243f_6a88_85a3_08d3;
const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;
const FINAL: u64 = 0xbf58_476d_1ce4_e5b9;

/// The stable hash of `key`.
///
/// ```
/// use millstream::channel::hash::stable_hash;
/// assert_eq!(stable_hash(&7u8), stable_hash(&7i64));
/// assert_ne!(stable_hash("a"), stable_hash("b"));
/// ```
#[inline]
pub fn stable_hash<K: Serialize + ?Sized>(key: &K) -> u64 {
    let mut hasher = StableHasher { state: SEED };
    // A key whose serialization fails hashes what was fed so far: equal keys still hash equally.
    let _ = key.serialize(&mut hasher);
    fold(hasher.state ^ MULTIPLIER, FINAL)
}

/// Multiplies to 128 bits and folds the halves.
#[inline]
fn fold(left: u64, right: u64) -> u64 {
    let product = u128::from(left) * u128::from(right);
    (product as u64) ^ ((product >> 64) as u64)
}

struct StableHasher {
    state: u64,
}

impl StableHasher {
    #[inline]
    fn word(&mut self, word: u64) {
        self.state = fold(self.state ^ word, MULTIPLIER);
    }

    #[inline]
    fn bytes(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.word(u64::from_le_bytes(*word));
        }
        if !rest.is_empty() {
            let word = match bytes.last_chunk() {
                // The rest stands at the end of the last eight bytes; to shift it out costs no branch on its length.
                Some(last) => u64::from_le_bytes(*last) >> (8 * (8 - rest.len())),
                None => short_word(rest),
            };
            self.word(word);
        }
        self.word(bytes.len() as u64);
    }
}

/// Up to seven bytes as a little-endian word, without a loop.
#[inline]
fn short_word(bytes: &[u8]) -> u64 {
    let len = bytes.len();
    if len >= 4 {
        let low = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        let high = u32::from_le_bytes([bytes[len - 4], bytes[len - 3], bytes[len - 2], bytes[len - 1]]);
        u64::from(low) | u64::from(high) << (8 * (len - 4))
    } else {
        let middle = len / 2;
        u64::from(bytes[0]) | u64::from(bytes[middle]) << (8 * middle) | u64::from(bytes[len - 1]) << (8 * (len - 1))
    }
}

/// Serialization into a hash fails only if the key's own `Serialize` says so.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct HashError(String);

impl ser::Error for HashError {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

macro_rules! widened {
    ($($method:ident: $type:ty as $wide:ty),*) => {
        $(
            #[inline]
            fn $method(self, value: $type) -> Result<(), HashError> {
                self.word(<$wide>::from(value) as u64);
                Ok(())
            }
        )*
    };
}

impl ser::Serializer for &mut StableHasher {
    type Ok = ();
    type Error = HashError;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    widened! {
        serialize_bool: bool as u64, serialize_u8: u8 as u64, serialize_u16: u16 as u64, serialize_u32: u32 as u64,
        serialize_u64: u64 as u64, serialize_i8: i8 as i64, serialize_i16: i16 as i64, serialize_i32: i32 as i64,
        serialize_i64: i64 as i64, serialize_char: char as u64
    }

    fn serialize_i128(self, value: i128) -> Result<(), HashError> {
        self.serialize_u128(value as u128)
    }

    fn serialize_u128(self, value: u128) -> Result<(), HashError> {
        self.word(value as u64);
        self.word((value >> 64) as u64);
        Ok(())
    }

    fn serialize_f32(self, value: f32) -> Result<(), HashError> {
        self.serialize_f64(f64::from(value))
    }

    fn serialize_f64(self, value: f64) -> Result<(), HashError> {
        // Zero has two forms that are equal.
        self.word(if value == 0.0 { 0 } else { value.to_bits() });
        Ok(())
    }

    #[inline]
    fn serialize_str(self, value: &str) -> Result<(), HashError> {
        self.bytes(value.as_bytes());
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), HashError> {
        self.bytes(value);
        Ok(())
    }

    fn serialize_none(self) -> Result<(), HashError> {
        self.word(0);
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), HashError> {
        self.word(1);
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), HashError> {
        Ok(())
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<(), HashError> {
        Ok(())
    }

    fn serialize_unit_variant(self, _name: &'static str, index: u32, _variant: &'static str) -> Result<(), HashError> {
        self.word(u64::from(index));
        Ok(())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _name: &'static str, value: &T) -> Result<(), HashError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        index: u32,
        _variant: &'static str,
        value: &T,
    ) -> Result<(), HashError> {
        self.word(u64::from(index));
        value.serialize(self)
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Self, HashError> {
        self.word(len.map_or(u64::MAX, |len| len as u64));
        Ok(self)
    }

    fn serialize_tuple(self, _len: usize) -> Result<Self, HashError> {
        Ok(self)
    }

    fn serialize_tuple_struct(self, _name: &'static str, _len: usize) -> Result<Self, HashError> {
        Ok(self)
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        index: u32,
        _variant: &'static str,
        _len: usize,
    ) -> Result<Self, HashError> {
        self.word(u64::from(index));
        Ok(self)
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Self, HashError> {
        self.serialize_seq(len)
    }

    fn serialize_struct(self, _name: &'static str, _len: usize) -> Result<Self, HashError> {
        Ok(self)
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        index: u32,
        _variant: &'static str,
        _len: usize,
    ) -> Result<Self, HashError> {
        self.word(u64::from(index));
        Ok(self)
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

macro_rules! compound {
    ($($trait:ident: $method:ident($($name:ident: $type:ty)?)),* $(,)?) => {
        $(
            impl ser::$trait for &mut StableHasher {
                type Ok = ();
                type Error = HashError;

                #[inline]
                fn $method<T: Serialize + ?Sized>(&mut self, $($name: $type,)? value: &T) -> Result<(), HashError> {
                    value.serialize(&mut **self)
                }

                #[inline]
                fn end(self) -> Result<(), HashError> {
                    Ok(())
                }
            }
        )*
    };
}

compound! {
    SerializeSeq: serialize_element(),
    SerializeTuple: serialize_element(),
    SerializeTupleStruct: serialize_field(),
    SerializeTupleVariant: serialize_field(),
    SerializeStruct: serialize_field(_name: &'static str),
    SerializeStructVariant: serialize_field(_name: &'static str),
}

impl ser::SerializeMap for &mut StableHasher {
    type Ok = ();
    type Error = HashError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), HashError> {
        key.serialize(&mut **self)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), HashError> {
        value.serialize(&mut **self)
    }

    fn end(self) -> Result<(), HashError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The hash is part of the snapshot format: these values may never change.
    #[test]
    fn golden_vectors() {
        #[derive(Serialize)]
        struct Flight<'a> {
            origin: &'a str,
            number: u16,
        }
        #[derive(Serialize)]
        enum Kind {
            A,
            B(u8),
            C { x: i32 },
        }
        let vectors = [
            ("()", stable_hash(&())),
            ("0u64", stable_hash(&0u64)),
            ("1u64", stable_hash(&1u64)),
            ("-1i32", stable_hash(&-1i32)),
            ("u128::MAX", stable_hash(&u128::MAX)),
            ("'a'", stable_hash(&'a')),
            ("\"\"", stable_hash("")),
            ("\"LAX\"", stable_hash("LAX")),
            ("\"millstream\"", stable_hash("millstream")),
            ("(1, \"x\")", stable_hash(&(1, "x"))),
            ("[1, 2]", stable_hash(&vec![1u8, 2])),
            ("Some(0)", stable_hash(&Some(0))),
            ("None", stable_hash(&None::<u8>)),
            ("Flight", stable_hash(&Flight { origin: "LAX", number: 12 })),
            ("Kind::A", stable_hash(&Kind::A)),
            ("Kind::B", stable_hash(&Kind::B(1))),
            ("Kind::C", stable_hash(&Kind::C { x: -1 })),
        ];
        let shown: String = vectors.iter().map(|(name, hash)| format!("{name} {hash:016x}\n")).collect();
        assert_eq!(shown, include_str!("hash_golden.txt"));
    }

    #[test]
    fn width_and_ownership_do_not_count() {
        assert_eq!(stable_hash(&5u8), stable_hash(&5i128.to_string().parse::<i64>().unwrap()));
        assert_eq!(stable_hash("word"), stable_hash(&String::from("word")));
        assert_eq!(stable_hash(&(1u8, 2u8)), stable_hash(&(1i64, 2u32)));
    }

    #[test]
    fn bits_are_spread_evenly() {
        // Both ends are used: the top bits pick the key group, the bottom bits the slot of a table.
        for shift in [0, 56] {
            let mut buckets = [0u32; 256];
            for key in 0..256_000u64 {
                buckets[(stable_hash(&key) >> shift & 255) as usize] += 1;
            }
            let (least, most) = (buckets.iter().min().unwrap(), buckets.iter().max().unwrap());
            assert!(*least > 800 && *most < 1200, "{least}..{most} of 1000 each");
        }
    }
}
