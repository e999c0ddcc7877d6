// Reads exported profiles with a reader that is not ours, and holds them to what the folded text of the same views says.
//
// usage: node pprof.mjs FOLDER, where the same recording was exported as pprof and as folded text

import { readFileSync, readdirSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { join } from "node:path";
import assert from "node:assert";
import { Profile } from "pprof-format";

// How many of pprof's units one of ours is, by what pprof calls the type.
const UNITS = { wall: { "stall": 1e6, "cpu": 1e3, "spans": 1e3 }, space: { alloc: 1 }, samples: { cpu: 1, stall: 1 } };

function folded(file) {
  return readFileSync(file, "utf8").split("\n").filter(Boolean).map((line) => {
    const at = line.lastIndexOf(" ");
    return { frames: line.slice(0, at).split(/;(?! )/), weight: Number(line.slice(at + 1)) };
  });
}

function check(folder, name) {
  const profile = Profile.decode(gunzipSync(readFileSync(join(folder, name))));
  const text = (index) => profile.stringTable.strings[Number(index)];
  const type = text(profile.sampleType[0].type);
  const profiler = Object.keys(UNITS[type]).find((profiler) => name.includes(`-${profiler}`));
  const stacks = folded(join(folder, name.replace(".pb.gz", ".folded")));
  const wanted = stacks.reduce((sum, stack) => sum + stack.weight, 0) * UNITS[type][profiler];
  const found = profile.sample.reduce((sum, sample) => sum + Number(sample.value[0]), 0);
  assert(Math.abs(found - wanted) <= stacks.length, `${name}: ${found} and not ${wanted}`);
  assert.equal(profile.sample.length, stacks.length, name);
  const names = new Set(profile.function.map((one) => text(one.name)));
  const missing = stacks.flatMap((stack) => stack.frames).filter((frame) => !names.has(frame));
  assert.deepEqual(missing, [], `${name}: functions are missing`);
  console.log(`${name}: ${profile.sample.length} stacks, ${names.size} functions, ${found} ${text(profile.sampleType[0].unit)}`);
}

const folder = process.argv[2];
const names = readdirSync(folder).filter((name) => name.endsWith(".pb.gz"));
assert(names.length > 0, `there is no pprof file in ${folder}`);
names.forEach((name) => check(folder, name));
