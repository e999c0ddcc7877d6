//! Reading of recordings in format 1, which had six mutually exclusive keys instead of a purpose.

use serde_json::{Map, Value, json};

/// Rewrites the keys of a spec of format 1 as those of format 2.
///
/// | format 1 | format 2, `purpose` |
/// | --- | --- |
/// | `lens` or `profiler`, `pair`, `scaled` | `profile`, with `profiler`, `pair` and `ratio` |
/// | `pair`, with `looks` | `pair`, with its keys and `interim` |
/// | `repetition` | `sweep`, with `repetition` |
/// | `trial` | `trial`, with `number` |
/// | `scaled` above 1 | `larger`, with `ratio` |
/// | none of them | `measure` |
pub fn upgrade(spec: &mut Map<String, Value>) {
    let ratio = spec.remove("scaled").unwrap_or(json!(1));
    let interim = spec.remove("looks").unwrap_or(json!(false));
    let mut pair = spec.remove("pair").filter(Value::is_object);
    if let Some(pair) = &mut pair {
        pair["interim"] = interim;
    }
    let profiler = spec.remove("lens").or_else(|| spec.remove("profiler"));
    let (repetition, trial) = (spec.remove("repetition"), spec.remove("trial"));
    let purpose = match (profiler, pair, repetition, trial) {
        (Some(profiler), pair, _, _) => {
            json!({"is": "profile", "profiler": profiler, "pair": pair, "ratio": ratio})
        }
        (_, Some(mut pair), _, _) => {
            pair["is"] = json!("pair");
            pair
        }
        (_, _, Some(repetition), _) => json!({"is": "sweep", "repetition": repetition}),
        (_, _, _, Some(trial)) => json!({"is": "trial", "number": trial}),
        _ if ratio != json!(1) => json!({"is": "larger", "ratio": ratio}),
        _ => json!({"is": "measure"}),
    };
    spec.insert("purpose".into(), purpose);
    // The kind `fix` had another name.
    if spec.get("kind") == Some(&json!("cure")) {
        spec.insert("kind".into(), json!("fix"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profiler::Profiler;
    use crate::spec::{Pair, Purpose, Side, Spec};
    use crate::{Kind, Load};

    /// The purpose that format 2 gives to a spec with these keys of format 1.
    fn upgraded(old: Value) -> Purpose {
        let spec = Spec::new("made-up", "buggy", Kind::Fix, Load::DEFAULT);
        let Ok(Value::Object(mut spec)) = serde_json::to_value(spec) else {
            panic!("a spec is an object")
        };
        spec.remove("purpose");
        spec.insert("kind".into(), json!("cure"));
        spec.extend(old.as_object().unwrap().clone());
        upgrade(&mut spec);
        let spec: Spec = serde_json::from_value(Value::Object(spec)).unwrap();
        assert_eq!(spec.kind, Kind::Fix);
        spec.purpose
    }

    #[test]
    fn every_old_key_becomes_a_purpose() {
        let pair = |interim| Pair {
            number: 2,
            side: Side::B,
            label: None,
            metrics: Vec::new(),
            interim,
            wanted: None,
        };
        let cases = [
            (json!({"scaled": 1}), Purpose::Measure),
            (json!({"scaled": 10}), Purpose::Larger { ratio: 10 }),
            (json!({"scaled": 1, "repetition": 0}), Purpose::Sweep { repetition: 0 }),
            (json!({"scaled": 1, "trial": 3}), Purpose::Trial { number: 3 }),
            (json!({"scaled": 1, "pair": {"number": 2, "side": "b"}}), Purpose::Pair(pair(false))),
            (json!({"pair": {"number": 2, "side": "b"}, "looks": true}), Purpose::Pair(pair(true))),
            (
                json!({"scaled": 8, "lens": "cpu"}),
                Purpose::Profile { profiler: Profiler::Cpu, pair: None, ratio: 8 },
            ),
            (
                json!({"scaled": 1, "profiler": "stall", "pair": {"number": 2, "side": "b"}}),
                Purpose::Profile { profiler: Profiler::Stall, pair: Some(pair(false)), ratio: 1 },
            ),
        ];
        for (old, purpose) in cases {
            assert_eq!(upgraded(old.clone()), purpose, "{old}");
        }
    }
}
