//! Takes a token by the scores that the model gave to all of them.

use llguidance::toktrie::SimpleVob;

/// Weights below this share of the largest one are nothing.
const LEAST: f32 = -25.0;

/// Numbers that look random and are the same for the same seed (SplitMix64).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// From 0 up to and without 1.
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// The token to go on with, out of those that are allowed. None if no token has a score.
pub fn sample(
    scores: &[f32],
    allowed: Option<&SimpleVob>,
    temperature: f32,
    top_p: f32,
    random: &mut Random,
) -> Option<u32> {
    let may =
        |token: usize| scores[token].is_finite() && allowed.is_none_or(|allowed| allowed.is_allowed(token as u32));
    let mut best: Option<usize> = None;
    for token in 0..scores.len() {
        if best.is_none_or(|best| scores[token] > scores[best]) && may(token) {
            best = Some(token);
        }
    }
    let best = best?;
    if temperature <= 0.0 {
        return Some(best as u32);
    }
    let mut likely: Vec<(u32, f64)> = Vec::new();
    for (token, score) in scores.iter().enumerate() {
        let weight = (score - scores[best]) / temperature;
        if weight > LEAST && may(token) {
            likely.push((token as u32, f64::from(weight).exp()));
        }
    }
    if top_p < 1.0 {
        likely.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let enough = f64::from(top_p) * total(&likely);
        let mut sum = 0.0;
        let kept = likely.iter().position(|(_, weight)| {
            sum += weight;
            sum >= enough
        });
        likely.truncate(kept.map_or(likely.len(), |last| last + 1));
    }
    let mut left = random.next() * total(&likely);
    for (token, weight) in &likely {
        left -= weight;
        if left < 0.0 {
            return Some(*token);
        }
    }
    likely.last().map(|(token, _)| *token)
}

fn total(likely: &[(u32, f64)]) -> f64 {
    likely.iter().map(|(_, weight)| weight).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(temperature: f32, top_p: f32, seed: u64) -> Vec<u32> {
        let mut random = Random::new(seed);
        let scores = [1.0, 3.0, 2.0, f32::NAN, f32::NEG_INFINITY];
        (0..200)
            .filter_map(|_| sample(&scores, None, temperature, top_p, &mut random))
            .collect()
    }

    #[test]
    fn without_temperature_the_likeliest_is_taken() {
        assert_eq!(taken(0.0, 1.0, 1), vec![1; 200]);
    }

    #[test]
    fn a_seed_says_what_is_taken() {
        assert_eq!(taken(1.0, 1.0, 7), taken(1.0, 1.0, 7));
        assert_ne!(taken(1.0, 1.0, 7), taken(1.0, 1.0, 8));
        let mut seen = taken(1.0, 1.0, 7);
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen, [0, 1, 2]);
    }

    #[test]
    fn the_unlikely_are_cut_off() {
        assert!(taken(1.0, 0.9, 7).iter().all(|token| *token != 0));
    }

    #[test]
    fn what_is_not_allowed_is_never_taken() {
        let mut allowed = SimpleVob::alloc(5);
        allowed.allow_token(0);
        allowed.allow_token(3);
        let scores = [1.0, 3.0, 2.0, f32::NAN, 0.0];
        assert_eq!(sample(&scores, Some(&allowed), 0.0, 1.0, &mut Random::new(1)), Some(0));
        assert_eq!(
            sample(&scores, Some(&SimpleVob::alloc(5)), 1.0, 1.0, &mut Random::new(1)),
            None
        );
    }
}
