//! Protobuf messages as they grow, for other people's formats. Those that are written here have few
//! kinds of fields, all of them varints and bytes: writing those takes fewer lines than declaring
//! them to a protobuf library.

/// How a field's value is written, beside its number.
const LENGTH_DELIMITED: u64 = 2;

/// A message.
#[derive(Clone, Default)]
pub struct Message(Vec<u8>);

impl Message {
    /// Of numbers under their fields.
    pub fn from_numbers<const N: usize>(numbers: [(u64, u64); N]) -> Message {
        let mut message = Message::default();
        numbers.into_iter().for_each(|(field, number)| message.number(field, number));
        message
    }

    /// The same with a number more.
    pub fn with(mut self, field: u64, number: u64) -> Message {
        self.number(field, number);
        self
    }

    /// The same with a text more.
    pub fn text(mut self, field: u64, text: &str) -> Message {
        self.bytes(field, text.as_bytes());
        self
    }

    /// The same with a message more.
    pub fn holding(mut self, field: u64, message: &Message) -> Message {
        self.nested(field, message);
        self
    }

    /// Adds a number under its field.
    pub fn number(&mut self, field: u64, number: u64) {
        self.varint(field << 3);
        self.varint(number);
    }

    /// Adds a bare number: one of a packed list.
    pub fn varint(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    /// Adds bytes under their field.
    pub fn bytes(&mut self, field: u64, bytes: &[u8]) {
        self.varint(field << 3 | LENGTH_DELIMITED);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    /// Adds a message under its field.
    pub fn nested(&mut self, field: u64, message: &Message) {
        self.bytes(field, &message.0);
    }

    /// Makes it empty, and keeps its memory.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// The message as it is written.
    pub fn written(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A field of a message: its number, and its varint or its bytes.
    pub type Field<'a> = (u64, Result<u64, &'a [u8]>);

    pub fn varint(bytes: &mut &[u8]) -> u64 {
        let length = bytes.iter().position(|byte| byte & 0x80 == 0).unwrap() + 1;
        let (number, rest) = bytes.split_at(length);
        *bytes = rest;
        number.iter().rev().fold(0, |number, byte| number << 7 | u64::from(byte & 0x7f))
    }

    pub fn fields(mut bytes: &[u8]) -> Vec<Field<'_>> {
        let mut fields = Vec::new();
        while !bytes.is_empty() {
            let key = varint(&mut bytes);
            let number = varint(&mut bytes);
            let value = if key & 7 == LENGTH_DELIMITED {
                let (inner, rest) = bytes.split_at(number as usize);
                bytes = rest;
                Err(inner)
            } else {
                Ok(number)
            };
            fields.push((key >> 3, value));
        }
        fields
    }

    pub fn nested<'a>(fields: &[Field<'a>], wanted: u64) -> Vec<&'a [u8]> {
        fields
            .iter()
            .filter(|(field, _)| *field == wanted)
            .map(|(_, value)| value.unwrap_err())
            .collect()
    }

    /// The numbers of one field, or nothing.
    pub fn number(fields: &[Field<'_>], wanted: u64) -> Option<u64> {
        fields.iter().find(|(field, _)| *field == wanted)?.1.ok()
    }

    #[test]
    fn what_is_written_reads_back() {
        let inner = Message::from_numbers([(1, 0), (2, 300)]);
        let all = Message::default().with(58, u64::MAX).text(2, "<é>").holding(3, &inner);
        let fields = fields(all.written());
        assert_eq!(
            (number(&fields, 58), nested(&fields, 2)),
            (Some(u64::MAX), vec!["<é>".as_bytes()])
        );
        assert_eq!(self::fields(nested(&fields, 3)[0]), [(1, Ok(0)), (2, Ok(300))]);
    }
}
