//! Every kind of wrong signature, alone and among good ones: the bulk answer is the single one.

use ark_ff::{AdditiveGroup, Field};

use super::{super::*, *};
use crate::babyjubjub::{Projective, torsion_point};

fn secret(number: u64) -> [u8; 32] {
    let mut secret = [3; 32];
    secret[..8].copy_from_slice(&number.to_le_bytes());
    secret
}

fn good(number: u64) -> SignedMessage {
    let message = Fr::from(1000 + number);
    let signer = secret(number % 7);
    SignedMessage { public_key: derive_public_key(&signer), signature: sign(&signer, message), message }
}

fn order() -> Fr {
    Fr::from_bigint(babyjubjub::subgroup_order()).expect("l < r")
}

/// A point plus `times` the point of order 8.
fn twisted((x, y): (Fr, Fr), times: u64) -> (Fr, Fr) {
    let torsion = Projective::from(torsion_point()).multiply(&BigInteger256::from(times));
    let point = Projective::from(Affine::new(x, y).expect("on the curve"));
    point.add(&torsion).to_affine().coordinates()
}

/// A signature of a key with torsion: as the signer would make it, with h over the twisted key.
fn signed_by_twisted_key(number: u64, times: u64) -> SignedMessage {
    let message = Fr::from(number);
    let a = Scalar::from(number + 5);
    let plain = babyjubjub::multiply_base(&a.into_bigint()).to_affine().coordinates();
    let public_key = twisted(plain, times);
    let nonce = Scalar::from(number + 99);
    let r8 = babyjubjub::multiply_base(&nonce.into_bigint()).to_affine().coordinates();
    let h = challenge(r8, public_key, message);
    let s = nonce + super::reduce(&h) * Scalar::from(8u64) * a;
    let s = Fr::from_bigint(s.into_bigint()).expect("l < r");
    SignedMessage { public_key, signature: Signature { r8, s }, message }
}

/// One of each way to be wrong, and of the odd ways to be right.
fn oddities() -> Vec<SignedMessage> {
    let base = good(1);
    let with = |signature| SignedMessage { signature, ..base };
    let Signature { r8, s } = base.signature;
    let mut odd = vec![
        with(Signature { r8, s: s + Fr::ONE }),
        with(Signature { r8, s: order() }),
        with(Signature { r8, s: order() - Fr::ONE }),
        with(Signature { r8, s: s + order() }),
        with(Signature { r8, s: -Fr::ONE }),
        with(Signature { r8, s: Fr::ZERO }),
        with(Signature { r8: (r8.0 + Fr::ONE, r8.1), s }),
        with(Signature { r8: (Fr::ZERO, Fr::ZERO), s }),
        with(Signature { r8: (-r8.0, r8.1), s }),
        with(Signature { r8: good(2).signature.r8, s }),
        SignedMessage { message: base.message + Fr::ONE, ..base },
        SignedMessage { public_key: good(2).public_key, ..base },
        SignedMessage { public_key: (base.public_key.0 + Fr::ONE, base.public_key.1), ..base },
        SignedMessage { public_key: (Fr::ZERO, Fr::ZERO), ..base },
    ];
    for times in 0..8 {
        let small = twisted((Fr::ZERO, Fr::ONE), times);
        odd.push(with(Signature { r8: small, s }));
        odd.push(SignedMessage { public_key: small, ..base });
        odd.push(with(Signature { r8: twisted(r8, times), s }));
        odd.push(SignedMessage { public_key: twisted(base.public_key, times), ..base });
        odd.push(signed_by_twisted_key(times, times));
    }
    // S·B8 = 8·h·A holds with R8 the identity, which is of small order.
    let identity = (Fr::ZERO, Fr::ONE);
    let h = challenge(identity, base.public_key, base.message);
    let scalar = Scalar::from_le_bytes_mod_order(&expand(&secret(1)).scalar.to_bytes_le());
    let s = Fr::from_bigint((super::reduce(&h) * scalar).into_bigint()).expect("l < r");
    odd.push(with(Signature { r8: identity, s }));
    odd
}

fn alone(messages: &[SignedMessage]) -> Vec<Verdict> {
    messages.iter().map(|item| verify(item.public_key, &item.signature, item.message)).collect()
}

#[test]
fn single_answers_are_rule_ten_word_for_word() {
    let kinds = alone(&oddities());
    assert_eq!(kinds, oddities().iter().map(plainly).collect::<Vec<_>>());
    let right = kinds.iter().filter(|kind| kind.is_ok()).count();
    // A signature twisted by nothing, a key twisted by nothing, and eight keys whose torsion 8·A kills.
    assert_eq!(right, 2 + 8);
    for error in [SignatureError::ScalarTooLarge, SignatureError::OffCurve, SignatureError::SmallOrder] {
        assert!(kinds.contains(&Err(error)), "{error}");
    }
    assert!(verify(good(1).public_key, &good(1).signature, good(1).message).is_ok());
}

/// Rule 10 as it is written, by the circuit's own curve arithmetic.
fn plainly(item: &SignedMessage) -> Verdict {
    if !is_below_subgroup_order(&item.signature.s) {
        return Err(SignatureError::ScalarTooLarge);
    }
    let point = |(x, y)| Affine::new(x, y).map(Projective::from).ok_or(SignatureError::OffCurve);
    let (key, r8) = (point(item.public_key)?.clear_cofactor(), point(item.signature.r8)?);
    if key.is_identity() || r8.clear_cofactor().is_identity() {
        return Err(SignatureError::SmallOrder);
    }
    let h = challenge(item.signature.r8, item.public_key, item.message).into_bigint();
    let left = Projective::from(babyjubjub::BASE).multiply(&item.signature.s.into_bigint());
    if left == r8.add(&key.multiply(&h)) { Ok(()) } else { Err(SignatureError::Equation) }
}

#[test]
fn bulk_answers_are_the_single_ones_for_every_oddity_at_once() {
    let messages = oddities();
    assert_eq!(verify_many(&messages), alone(&messages));
    let mixed: Vec<_> =
        (0..messages.len() as u64).map(good).zip(messages).flat_map(|(a, b)| [a, b]).collect();
    assert_eq!(verify_many(&mixed), alone(&mixed));
}

#[test]
fn one_oddity_among_many_good_signatures_is_found_wherever_it_is() {
    let goods: Vec<_> = (0..70).map(good).collect();
    assert_eq!(verify_many(&goods), vec![Ok(()); 70]);
    for (position, odd) in oddities().into_iter().enumerate() {
        let mut messages = goods.clone();
        messages[position * 7 % 70] = odd;
        let expected = verify(odd.public_key, &odd.signature, odd.message);
        let verdicts = verify_many(&messages);
        assert_eq!(verdicts[position * 7 % 70], expected, "oddity {position}");
        assert_eq!(
            verdicts.iter().filter(|verdict| verdict.is_err()).count(),
            usize::from(expected.is_err())
        );
    }
}

#[test]
fn errors_that_cancel_in_an_unweighted_sum_are_found() {
    let mut messages: Vec<_> = (0..32).map(good).collect();
    messages[4].signature.s += Fr::ONE;
    messages[9].signature.s -= Fr::ONE;
    let verdicts = verify_many(&messages);
    let wrong: Vec<usize> = (0..32).filter(|&i| verdicts[i].is_err()).collect();
    assert_eq!(wrong, [4, 9]);
}

#[test]
fn torsion_that_cancels_between_two_signatures_is_found() {
    for times in 1..8 {
        let mut messages: Vec<_> = (0..16).map(good).collect();
        messages[2].signature.r8 = twisted(messages[2].signature.r8, times);
        messages[3].signature.r8 = twisted(messages[3].signature.r8, 8 - times);
        let verdicts = verify_many(&messages);
        assert_eq!(verdicts, alone(&messages));
        assert_eq!(
            (verdicts[2], verdicts[3]),
            (Err(SignatureError::Equation), Err(SignatureError::Equation))
        );
    }
}

#[test]
fn every_number_of_signatures_has_as_many_answers() {
    for count in [0, 1, 7, 8, 9, 511, 512, 513] {
        let messages = vec![good(3); count];
        assert_eq!(verify_many(&messages), vec![Ok(()); count]);
    }
}
