// Reads exported profiles with a reader that is not ours: types and units, whole names, files and lines, and the weights
// that the folded text of the same views has.
//
// usage: node pprof.mjs FOLDER, where the same recording was exported as pprof and as folded text

import { readFileSync, readdirSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { join } from "node:path";
import assert from "node:assert";
import { Profile } from "pprof-format";

// The last type of each profile, which tools show by default, by a part of the file's name.
const TYPES = [
  ["-stall-on-cpu.", "on_cpu/nanoseconds"],
  ["-stall-off-cpu.", "off_cpu/nanoseconds"],
  ["-stall-runnable.", "runnable/nanoseconds"],
  ["-alloc-churn.", "alloc_space/bytes"],
  ["-alloc-live.", "inuse_space/bytes"],
  ["-sched-blame.", "delay/nanoseconds"],
  ["-spans.", "wall/nanoseconds"],
  // Last, for other names end with it too.
  ["-cpu.", "cpu/nanoseconds"],
];
// Views whose frames are no functions of the program have no lines.
const WITHOUT_LINES = ["-sched-blame.", "-spans."];

function foldedTotal(folder, stem) {
  const name = readdirSync(folder).find((name) => name.startsWith(`${stem}.`) && name.endsWith(".folded"));
  assert(name, `${stem} has no folded text`);
  const lines = readFileSync(join(folder, name), "utf8").split("\n").filter(Boolean);
  const weights = lines.map((line) => line.slice(line.lastIndexOf(" ") + 1));
  weights.forEach((weight) => assert.match(weight, /^[1-9][0-9]*$/, `${name}: weights are whole`));
  return { total: weights.map(Number).reduce((sum, weight) => sum + weight, 0), lines: lines.length };
}

function check(folder, name) {
  const profile = Profile.decode(gunzipSync(readFileSync(join(folder, name))));
  const text = (index) => profile.stringTable.strings[Number(index)];
  const types = profile.sampleType.map((type) => `${text(type.type)}/${text(type.unit)}`);
  const [part, wanted] = TYPES.find(([part]) => name.endsWith(`${part}pb.gz`)) ?? [];
  assert(part, `${name} is a view that nobody knows`);
  const last = types.length - 1;
  assert.equal(types[last], wanted, name);
  assert.equal(text(profile.defaultSampleType), wanted.split("/")[0], name);
  const total = profile.sample.reduce((sum, sample) => sum + Number(sample.value[last]), 0);
  const folded = foldedTotal(folder, name.replace(".pb.gz", ""));
  // Both round each of their stacks, and folded text merges stacks whose names become the same.
  const rounding = profile.sample.length + folded.lines;
  const tolerance = rounding + 0.001 * folded.total;
  assert(Math.abs(total - folded.total) <= tolerance, `${name}: ${total} and not ${folded.total}`);
  const functions = new Map(profile.function.map((one) => [Number(one.id), one]));
  const named = profile.location.map((location) => {
    assert.equal(location.line.length, 1, name);
    const of = functions.get(Number(location.line[0].functionId));
    return { name: text(of.name), file: text(of.filename), start: Number(of.startLine), line: Number(location.line[0].line) };
  });
  const placed = named.filter((one) => one.file !== "" && one.line > 0);
  if (!WITHOUT_LINES.includes(part)) {
    const own = placed.filter((one) => /^<?scenario_/.test(one.name));
    assert(own.length > 0, `${name}: user code has files and lines`);
    own.forEach((one) => assert.match(one.file, /\.rs$/, one.name));
    assert(own.some((one) => one.start > 0 && one.start <= one.line), `${name}: functions begin before their lines`);
    assert(!named.some((one) => one.name.includes("…")), `${name}: names are whole`);
  }
  console.log(`${name}: ${types.join(" ")}, ${profile.sample.length} stacks, ${functions.size} functions, ${placed.length} lines, ${total}`);
}

const folder = process.argv[2];
const names = readdirSync(folder).filter((name) => name.endsWith(".pb.gz"));
assert(names.length > 0, `there is no pprof file in ${folder}`);
names.forEach((name) => check(folder, name));
