//! What the wires need of an X.509 certificate and TLS libraries do not tell: the hash that SCRAM binds a login to the
//! channel with, and the subject's common name. Source: RFC 5929 §4.1, RFC 5280 §4.1, RFC 4055.

use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OID: u8 = 0x06;
/// `[0] EXPLICIT`: the version of a certificate, the hash of RSASSA-PSS.
const TAG_0: u8 = 0xA0;

/// 2.5.4.3
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
/// 1.2.840.113549.1.1: RSA's signatures, the last number being the hash.
const RSA: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01];
/// 1.2.840.10045.4: ECDSA's.
const ECDSA: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04];
/// 2.16.840.1.101.3.4.2: the hashes of the SHA-2 family by themselves.
const SHA2: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hash {
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

/// One DER element: its tag and contents, and what comes behind it. `None`: these bytes are none.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match usize::from(first) {
        short @ 0..=0x7F => (short, rest),
        long => {
            let count = long & 0x7F;
            let (digits, rest) = rest.split_at_checked(count).filter(|_| (1..=4).contains(&count))?;
            (digits.iter().fold(0, |length, &digit| length << 8 | usize::from(digit)), rest)
        }
    };
    let (contents, rest) = rest.split_at_checked(length)?;
    Some((tag, contents, rest))
}

/// The contents of the element at the front, which must have this tag, and what comes behind it.
fn expect(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    element(der).filter(|(found, ..)| *found == tag).map(|(_, contents, rest)| (contents, rest))
}

/// The hash of a certificate as channel binding `tls-server-end-point` wants it: by the hash function of its signature, MD5
/// and SHA-1 being replaced by SHA-256. `None`: the signature has no hash function (Ed25519) or none that we know, and no
/// login can be bound to it.
pub fn end_point(der: &[u8]) -> Option<Vec<u8>> {
    Some(match signature_hash(der)? {
        Hash::Sha224 => Sha224::digest(der).to_vec(),
        Hash::Sha256 => Sha256::digest(der).to_vec(),
        Hash::Sha384 => Sha384::digest(der).to_vec(),
        Hash::Sha512 => Sha512::digest(der).to_vec(),
    })
}

fn signature_hash(der: &[u8]) -> Option<Hash> {
    let (certificate, _) = expect(der, SEQUENCE)?;
    let (_, behind) = expect(certificate, SEQUENCE)?;
    let (algorithm, _) = expect(behind, SEQUENCE)?;
    let (oid, parameters) = expect(algorithm, OID)?;
    if let Some(scheme) = oid.strip_prefix(RSA) {
        return match scheme {
            [4 | 5 | 11] => Some(Hash::Sha256),
            [12] => Some(Hash::Sha384),
            [13] => Some(Hash::Sha512),
            [14] => Some(Hash::Sha224),
            [10] => pss_hash(parameters),
            _ => None,
        };
    }
    match oid.strip_prefix(ECDSA)? {
        [1] | [3, 2] => Some(Hash::Sha256),
        [3, 1] => Some(Hash::Sha224),
        [3, 3] => Some(Hash::Sha384),
        [3, 4] => Some(Hash::Sha512),
        _ => None,
    }
}

/// RSASSA-PSS names its hash among its parameters; without one it is SHA-1.
fn pss_hash(parameters: &[u8]) -> Option<Hash> {
    let (parameters, _) = expect(parameters, SEQUENCE)?;
    let Some((hash, _)) = expect(parameters, TAG_0) else { return Some(Hash::Sha256) };
    let (algorithm, _) = expect(hash, SEQUENCE)?;
    let (oid, _) = expect(algorithm, OID)?;
    match oid.strip_prefix(SHA2)? {
        [1] => Some(Hash::Sha256),
        [2] => Some(Hash::Sha384),
        [3] => Some(Hash::Sha512),
        [4] => Some(Hash::Sha224),
        _ => None,
    }
}

/// The last common name in the subject of a certificate, if there is one and it is UTF-8 without a zero in it.
pub fn common_name(der: &[u8]) -> Option<String> {
    let (certificate, _) = expect(der, SEQUENCE)?;
    let (mut rest, _) = expect(certificate, SEQUENCE)?;
    if let Some((_, behind)) = expect(rest, TAG_0) {
        rest = behind;
    }
    // Serial number, signature, issuer, validity.
    for _ in 0..4 {
        rest = element(rest)?.2;
    }
    let (mut subject, _) = expect(rest, SEQUENCE)?;
    let mut found = None;
    while let Some((mut set, behind)) = expect(subject, SET) {
        while let Some((pair, next)) = expect(set, SEQUENCE) {
            let (oid, value) = expect(pair, OID)?;
            if oid == COMMON_NAME {
                found = Some(element(value)?.1);
            }
            set = next;
        }
        subject = behind;
    }
    found.and_then(|name| String::from_utf8(name.to_vec()).ok()).filter(|name| !name.contains('\0'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn der(tag: u8, contents: &[u8]) -> Vec<u8> {
        let length = u16::try_from(contents.len()).unwrap().to_be_bytes();
        [&[tag, 0x82, length[0], length[1]], contents].concat()
    }

    /// A certificate's frame: nothing in it is signed, which nobody here looks at.
    fn certificate(algorithm: &[u8], subject: &[u8]) -> Vec<u8> {
        let skipped = [der(2, &[1]), der(SEQUENCE, algorithm), der(SEQUENCE, &[]), der(SEQUENCE, &[])].concat();
        let tbs = [der(TAG_0, &der(2, &[2])), skipped, der(SEQUENCE, subject)].concat();
        der(SEQUENCE, &[der(SEQUENCE, &tbs), der(SEQUENCE, algorithm), der(3, &[0])].concat())
    }

    fn signed_by(prefix: &[u8], last: &[u8]) -> Vec<u8> {
        certificate(&der(OID, &[prefix, last].concat()), &[])
    }

    #[test]
    fn the_hash_is_that_of_the_signature_but_never_a_weak_one() {
        for (prefix, last, hash) in [
            (RSA, &[5_u8][..], Hash::Sha256),
            (RSA, &[11], Hash::Sha256),
            (RSA, &[12], Hash::Sha384),
            (ECDSA, &[3, 4], Hash::Sha512),
            (ECDSA, &[1], Hash::Sha256),
        ] {
            assert_eq!(signature_hash(&signed_by(prefix, last)), Some(hash));
        }
        // Ed25519: 1.3.101.112.
        assert_eq!(end_point(&certificate(&der(OID, &[0x2B, 0x65, 0x70]), &[])), None);
        let sha384 = der(TAG_0, &der(SEQUENCE, &der(OID, &[SHA2, &[2]].concat())));
        let pss = [der(OID, &[RSA, &[10]].concat()), der(SEQUENCE, &sha384)].concat();
        assert_eq!(end_point(&certificate(&pss, &[])).unwrap().len(), 48);
    }

    #[test]
    fn the_common_name_is_found_among_other_parts_of_the_subject() {
        let part = |oid: &[u8], value: &str| {
            let pair = [der(OID, oid), der(0x0C, value.as_bytes())].concat();
            der(SET, &der(SEQUENCE, &pair))
        };
        let subject = [part(&[0x55, 4, 10], "Shop"), part(COMMON_NAME, "app"), part(&[0x55, 4, 11], "x")].concat();
        assert_eq!(common_name(&certificate(&der(OID, RSA), &subject)).as_deref(), Some("app"));
        assert_eq!(common_name(&certificate(&der(OID, RSA), &[])), None);
        let forged = part(COMMON_NAME, "app\0.evil");
        assert_eq!(common_name(&certificate(&der(OID, RSA), &forged)), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_a_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            drop((end_point(&bytes), common_name(&bytes)));
        }
    }
}
