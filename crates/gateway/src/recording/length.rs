//! How long a recording lasts, by the head of the file, without decoding it. Faces hostile bytes:
//! every figure is what the file claims, every walk is bounded. Knows no prices.
//!
//! RIFF WAVE; FLAC (RFC 9639); Ogg (RFC 3533) with Opus (RFC 7845) or Vorbis; MPEG audio layer III
//! (ISO 11172-3) with the table of lengths that encoders put into the first frame; MP4 (ISO 14496-12).

use bytes::Bytes;

/// Most parts of a container that are looked at; beyond: the length is unknown.
const PARTS_MAX: usize = 64;
/// Largest page of Ogg.
const OGG_PAGE_BYTES: u64 = 27 + 255 + 255 * 255;
/// Samples a second that Opus counts, whatever the recording has.
const OPUS_RATE: u64 = 48_000;
/// No usual format for speech needs fewer bytes for a second: 4 kbit/s.
const BYTES_PER_SECOND_FEW: u64 = 500;
/// Bytes of a second of speech as it is usually kept: 64 kbit/s.
const BYTES_PER_SECOND_USUAL: u64 = 8_000;

/// What a file says about how long it lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AudioLength {
    /// Milliseconds, as far as its head says.
    known_ms: Option<u64>,
    bytes: u64,
    /// Whether the length follows from the number of bytes.
    is_exact: bool,
}

impl AudioLength {
    pub(crate) fn of(pieces: &[Bytes]) -> Self {
        let file = File::new(pieces);
        let wave = file.wave();
        let others = || file.flac().or_else(|| file.ogg()).or_else(|| file.mp4());
        let known_ms = wave.or_else(others).or_else(|| file.mpeg());
        Self { known_ms, bytes: file.len, is_exact: wave.is_some() }
    }

    /// The most milliseconds that it can last: as it says, and where it need not tell the truth, at
    /// least as long as so many bytes can last.
    pub(crate) fn most_ms(self) -> u64 {
        let by_bytes = (self.bytes * 1_000).div_ceil(BYTES_PER_SECOND_FEW);
        match self.known_ms {
            Some(known) if self.is_exact => known,
            known => by_bytes.max(known.unwrap_or(0)),
        }
    }

    /// Milliseconds as it says, else by estimate.
    pub(crate) fn likely_ms(self) -> u64 {
        self.known_ms.unwrap_or_else(|| (self.bytes * 1_000).div_ceil(BYTES_PER_SECOND_USUAL))
    }
}

/// A file in the pieces in which it came.
struct File<'a> {
    pieces: &'a [Bytes],
    len: u64,
}

impl<'a> File<'a> {
    fn new(pieces: &'a [Bytes]) -> Self {
        Self { pieces, len: pieces.iter().map(|piece| piece.len() as u64).sum() }
    }

    /// The bytes at a place; `None` if the file ends before.
    fn read<const N: usize>(&self, at: u64) -> Option<[u8; N]> {
        let mut bytes = [0; N];
        self.fill(at, &mut bytes).then_some(bytes)
    }

    fn fill(&self, at: u64, into: &mut [u8]) -> bool {
        let Ok(mut skip) = usize::try_from(at) else { return false };
        let mut filled = 0;
        for piece in self.pieces {
            if skip >= piece.len() {
                skip -= piece.len();
                continue;
            }
            let take = (piece.len() - skip).min(into.len() - filled);
            into[filled..filled + take].copy_from_slice(&piece[skip..skip + take]);
            filled += take;
            skip = 0;
            if filled == into.len() {
                return true;
            }
        }
        filled == into.len()
    }

    fn little(&self, at: u64) -> Option<u64> {
        self.read::<4>(at).map(|bytes| u32::from_le_bytes(bytes).into())
    }

    fn big(&self, at: u64) -> Option<u64> {
        self.read::<4>(at).map(|bytes| u32::from_be_bytes(bytes).into())
    }

    fn has(&self, at: u64, word: &[u8; 4]) -> bool {
        self.read::<4>(at).as_ref() == Some(word)
    }

    fn wave(&self) -> Option<u64> {
        if !self.has(0, b"RIFF") || !self.has(8, b"WAVE") {
            return None;
        }
        let (mut at, mut rate) = (12, None);
        for _ in 0..PARTS_MAX {
            let (body, size) = (at + 8, self.little(at + 4)?);
            if self.has(at, b"fmt ") {
                rate = Some(self.little(body + 8)?);
            } else if self.has(at, b"data") {
                // Whoever writes while it records does not know the size.
                let bytes = size.min(self.len.saturating_sub(body));
                return millis(bytes, rate?);
            }
            at = body + size + size % 2;
        }
        None
    }

    fn flac(&self) -> Option<u64> {
        if !self.has(0, b"fLaC") {
            return None;
        }
        let packed = u64::from_be_bytes(self.read(18)?);
        let (rate, samples) = (packed >> 44, packed & ((1 << 36) - 1));
        // Nothing stands for unknown.
        (samples > 0).then(|| millis(samples, rate)).flatten()
    }

    fn ogg(&self) -> Option<u64> {
        if !self.has(0, b"OggS") {
            return None;
        }
        let packet = 27 + u64::from(self.read::<1>(26)?[0]);
        let rate = match &self.read::<8>(packet)? {
            b"OpusHead" => OPUS_RATE,
            [1, b'v', b'o', b'r', b'b', b'i', b's', _] => self.little(packet + 12)?,
            _ => return None,
        };
        let mut tail = vec![0; usize::try_from(self.len.min(OGG_PAGE_BYTES)).ok()?];
        self.fill(self.len - tail.len() as u64, &mut tail);
        let last = tail.windows(4).rposition(|word| word == b"OggS")?;
        let samples = tail.get(last + 6..last + 14)?.try_into().ok()?;
        millis(u64::from_le_bytes(samples), rate)
    }

    fn mp4(&self) -> Option<u64> {
        if !self.has(4, b"ftyp") {
            return None;
        }
        let (movie, end) = self.atom(0, self.len, b"moov")?;
        let (head, _) = self.atom(movie, end, b"mvhd")?;
        match self.read::<1>(head)? {
            [0] => millis(self.big(head + 16)?, self.big(head + 12)?),
            _ => millis(u64::from_be_bytes(self.read(head + 24)?), self.big(head + 20)?),
        }
    }

    /// Where the body of a box of MP4 begins and ends.
    fn atom(&self, mut at: u64, end: u64, name: &[u8; 4]) -> Option<(u64, u64)> {
        for _ in 0..PARTS_MAX {
            let (body, size) = match self.big(at)? {
                0 => (at + 8, end.checked_sub(at)?),
                1 => (at + 16, u64::from_be_bytes(self.read(at + 8)?)),
                size => (at + 8, size),
            };
            let next = at.checked_add(size).filter(|next| *next <= end && *next >= body)?;
            if self.has(at + 4, name) {
                return Some((body, next));
            }
            at = next;
        }
        None
    }

    fn mpeg(&self) -> Option<u64> {
        let at = match &self.read::<10>(0)? {
            [b'I', b'D', b'3', _, _, _, a, b, c, d] => {
                10 + [a, b, c, d].iter().fold(0, |sum, part| (sum << 7) | u64::from(**part & 127))
            }
            _ => 0,
        };
        let head = MpegHead::read(self.read(at)?)?;
        let table = at + 4 + head.side_bytes;
        let is_table = self.has(table, b"Xing") || self.has(table, b"Info");
        if is_table && self.big(table + 4)? & 1 == 1 {
            return millis(self.big(table + 8)? * head.frame_samples, head.rate);
        }
        millis(self.len - at, head.bytes_per_second)
    }
}

/// What the head of a frame of MPEG audio says.
struct MpegHead {
    rate: u64,
    bytes_per_second: u64,
    frame_samples: u64,
    side_bytes: u64,
}

impl MpegHead {
    fn read(head: [u8; 4]) -> Option<Self> {
        const FIRST: [u64; 15] = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
        const SECOND: [u64; 15] = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
        let is_layer_three = head[0] == 0xff && head[1] & 0b1110_0110 == 0b1110_0010;
        let (version, is_mono) = ((head[1] >> 3) & 3, head[3] >> 6 == 3);
        if !is_layer_three || version == 1 {
            return None;
        }
        let is_first = version == 3;
        let kilobits = if is_first { FIRST } else { SECOND };
        let kilobits = *kilobits.get(usize::from(head[2] >> 4)).filter(|rate| **rate > 0)?;
        let rate = *[44_100, 48_000, 32_000].get(usize::from((head[2] >> 2) & 3))?;
        let side_bytes = match (is_first, is_mono) {
            (true, false) => 32,
            (true, true) | (false, false) => 17,
            (false, true) => 9,
        };
        Some(Self {
            rate: rate >> [2, 0, 1, 0][usize::from(version)],
            bytes_per_second: kilobits * 125,
            frame_samples: if is_first { 1_152 } else { 576 },
            side_bytes,
        })
    }
}

/// So many at so many a second, in milliseconds; `None` where that is no length.
fn millis(count: u64, per_second: u64) -> Option<u64> {
    let millis = (u128::from(count) * 1_000).checked_div(per_second.into())?;
    u64::try_from(millis).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn known(bytes: Vec<u8>) -> Option<u64> {
        // In pieces that cut every field.
        let pieces: Vec<Bytes> = bytes.chunks(3).map(Bytes::copy_from_slice).collect();
        AudioLength::of(&pieces).known_ms
    }

    fn wave(size: u32, bytes: usize) -> Vec<u8> {
        let mut file = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0".to_vec();
        file.extend(16_000_u32.to_le_bytes());
        file.extend(32_000_u32.to_le_bytes());
        file.extend(b"\x02\0\x10\0LIST\x03\0\0\0abc\0data");
        file.extend(size.to_le_bytes());
        file.extend(vec![0; bytes]);
        file
    }

    #[test]
    fn a_wave_lasts_as_long_as_its_samples() {
        assert_eq!(known(wave(64_000, 64_000)), Some(2_000));
        assert_eq!(known(wave(u32::MAX, 32_000)), Some(1_000), "written while it was recorded");
        let pieces = [Bytes::from(wave(64_000, 64_000))];
        assert_eq!(AudioLength::of(&pieces).most_ms(), 2_000);
    }

    #[test]
    fn flac_ogg_and_mp4_say_how_long_they_last() {
        let mut flac = b"fLaC\x80\0\0\x22".to_vec();
        flac.extend([0; 10]);
        flac.extend(((44_100_u64 << 44) | (44_100 * 3)).to_be_bytes());
        assert_eq!(known(flac), Some(3_000));

        let page = |granule: u64, body: &[u8]| {
            let mut page = b"OggS\0\0".to_vec();
            page.extend(granule.to_le_bytes());
            page.extend([0; 12]);
            page.extend([1, body.len() as u8]);
            page.extend(body);
            page
        };
        let opus = [page(0, b"OpusHead\x01\x01\0\0"), page(48_000 * 7, &[0; 200])].concat();
        assert_eq!(known(opus), Some(7_000));
        let mut head = b"\x01vorbis\0\0\0\0\x02".to_vec();
        head.extend(22_050_u32.to_le_bytes());
        assert_eq!(known([page(0, &head), page(22_050, &[0; 9])].concat()), Some(1_000));

        let atom = |name: &[u8; 4], body: &[u8]| {
            [&(body.len() as u32 + 8).to_be_bytes()[..], name, body].concat()
        };
        let mut head = vec![0; 12];
        head.extend(600_u32.to_be_bytes());
        head.extend(90_000_u32.to_be_bytes());
        let movie = atom(b"moov", &atom(b"mvhd", &head));
        let file = [atom(b"ftyp", b"M4A "), atom(b"mdat", &[0; 500]), movie].concat();
        assert_eq!(known(file), Some(150_000));
    }

    #[test]
    fn an_mp3_lasts_by_its_rate_or_by_the_table_in_it() {
        // Layer III of MPEG-1, 64 kbit/s, 44,100 samples a second, stereo, behind a tag of 20 bytes.
        let tag = [&b"ID3\x04\0\0\0\0\0\x14"[..], &[0; 20]].concat();
        let head = [0xff, 0xfb, 0x50, 0x00];
        let plain = [&tag[..], &head, &[0; 79_996]].concat();
        assert_eq!(known(plain), Some(10_000));
        let frames = 1_000_u32.to_be_bytes();
        let varying = [&tag[..], &head, &[0; 32], b"Xing\0\0\0\x01", &frames, &[0; 99]].concat();
        assert_eq!(known(varying), Some(1_000 * 1_152 * 1_000 / 44_100));
    }

    #[test]
    fn what_nobody_knows_is_bounded_by_its_bytes() {
        let unknown = AudioLength::of(&[Bytes::from(vec![7; 80_000])]);
        assert_eq!((unknown.likely_ms(), unknown.most_ms()), (10_000, 160_000));
    }

    proptest! {
        #[test]
        fn any_bytes_are_some_length(
            start in prop_oneof![
                Just(b"RIFF\0\0\0\0WAVEfmt ".to_vec()), Just(b"fLaC".to_vec()),
                Just(b"OggS".to_vec()), Just(b"\0\0\0\x08ftyp\0\0\0\x01moov".to_vec()),
                Just(b"ID3".to_vec()), Just(vec![0xff, 0xfb, 0x50]), Just(Vec::new()),
            ],
            rest in proptest::collection::vec(any::<u8>(), 0..300),
        ) {
            let length = AudioLength::of(&[Bytes::from(start), Bytes::from(rest)]);
            prop_assert!(length.most_ms() >= length.known_ms.unwrap_or(0));
        }
    }
}
