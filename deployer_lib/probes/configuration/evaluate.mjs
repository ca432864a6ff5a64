// Import one settings file and print what it exports as JSON, with nothing in reach that it could do harm with.
// Arguments: the file, what a variable that is not declared reads as ("" for none), a mark before the answer.
import { writeSync } from 'node:fs';
import { createRequire, syncBuiltinESMExports } from 'node:module';
import { pathToFileURL } from 'node:url';
import process from 'node:process';

const [file, sample, mark] = process.argv.splice(2); // taken away: settings are not to know the mark
const MAX_BYTES = 1_000_000;
const MAX_DEPTH = 40;
const print = (text) => writeSync(1, text);
const exit = process.reallyExit.bind(process);
const require = createRequire(import.meta.url);

// What reaches out of this process throws; the operating system and node's own permissions hold where this does not.
const refused = (name) => () => {
  throw new Error(`${name} is refused to settings`);
};
const OUTWARD = {
  net: ['connect', 'createConnection', 'createServer', 'Socket', 'Server'],
  tls: ['connect', 'createServer', 'TLSSocket'],
  http: ['request', 'get', 'createServer'],
  https: ['request', 'get', 'createServer'],
  http2: ['connect', 'createServer', 'createSecureServer'],
  dgram: ['createSocket', 'Socket'],
  dns: ['lookup', 'resolve', 'resolve4', 'resolve6', 'Resolver'],
  child_process: ['exec', 'execFile', 'execSync', 'execFileSync', 'fork', 'spawn', 'spawnSync'],
  worker_threads: ['Worker'],
  cluster: ['fork'],
};
// All are loaded first: some of them are made of others' classes.
const modules = Object.keys(OUTWARD).map((name) => [name, require(name)]);
for (const [name, module] of modules) {
  for (const member of OUTWARD[name]) {
    if (member in module) {
      try {
        module[member] = refused(`${name}.${member}`);
      } catch {
        // a read-only member: the permissions of the process hold
      }
    }
  }
}
syncBuiltinESMExports();
for (const name of ['fetch', 'WebSocket', 'EventSource', 'XMLHttpRequest']) {
  if (name in globalThis) globalThis[name] = refused(name);
}
process.binding = refused('process.binding');
process.dlopen = refused('process.dlopen');
process.kill = refused('process.kill');
process.chdir = refused('process.chdir');
const left = (code) => {
  throw new Error(`the settings end the process (${code ?? 0})`);
};
process.exit = left;
process.reallyExit = left;
process.abort = left;
// What settings print is no answer of theirs.
for (const stream of [process.stdout, process.stderr]) stream.write = () => true;
for (const name of Object.keys(console)) if (typeof console[name] === 'function') console[name] = () => {};

const absent = new Set();
const OWN = new Set(['WATCH_REPORT_DEPENDENCIES']); // read by node itself
const declared = { ...process.env };
process.env = new Proxy(declared, {
  get(target, name) {
    if (typeof name !== 'string' || name in target) return target[name];
    if (OWN.has(name)) return undefined;
    absent.add(name);
    return sample === '' ? undefined : sample;
  },
  has(target, name) {
    if (typeof name === 'string' && !(name in target)) absent.add(name);
    return name in target || sample !== '';
  },
});

const seen = new Set();
const plain = (value, depth) => {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number') return Number.isFinite(value) ? value : { $unknown: `it is ${value}` };
  if (typeof value === 'bigint') return { $unknown: 'it is a bigint' };
  if (value instanceof RegExp) return String(value);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (typeof value !== 'object') return undefined;
  if (depth > MAX_DEPTH || seen.has(value)) return { $unknown: 'it refers to itself' };
  if (typeof value.then === 'function') return { $unknown: 'it is a promise' };
  seen.add(value);
  try {
    if (Array.isArray(value)) return value.map((item) => plain(item, depth + 1) ?? null);
    if (value instanceof Set) return [...value].map((item) => plain(item, depth + 1) ?? null);
    const entries = value instanceof Map ? [...value] : Object.keys(value).map((key) => [key, value[key]]);
    const made = {};
    for (const [key, item] of entries) {
      const kept = plain(item, depth + 1);
      if (kept !== undefined) {
        Object.defineProperty(made, String(key), { value: kept, enumerable: true, configurable: true });
      }
    }
    return made;
  } finally {
    seen.delete(value);
  }
};

const stringify = JSON.stringify;
const answer = (document) => {
  let text = stringify(document);
  if (text.length > MAX_BYTES) text = stringify({ error: `it makes more than ${MAX_BYTES} characters` });
  print(`\n${mark}${text}\n`);
  exit(0);
};
process.on('uncaughtException', (error) => answer({ error: String(error?.message ?? error).slice(0, 500) }));
try {
  const module = await import(pathToFileURL(file));
  let exported = 'default' in module ? module.default : { ...module };
  if (exported && exported.__esModule && 'default' in exported) exported = exported.default;
  if (typeof exported === 'function') answer({ error: 'it exports a function, which somebody else calls' });
  answer({ tree: plain(exported, 0) ?? null, absent: [...absent] });
} catch (error) {
  answer({ error: String(error?.message ?? error).slice(0, 500), code: error?.code ?? '' });
}
