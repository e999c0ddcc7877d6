// Opens every page of the built book from disk in a real browser, wide and narrow, light and dark, and holds it to what it
// promises: it loads nothing from outside, prints no error, fits a phone, stays small, and each link leads to a heading.
//
//   node book.mjs FOLDER BOOK
//
// FOLDER gets the screenshots, BOOK is what mdbook has built. CHROMIUM names another browser than /usr/bin/chromium.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

const [shots, book] = process.argv.slice(2);
if (!shots || !book) {
  console.error('usage: node book.mjs FOLDER BOOK');
  process.exit(2);
}
mkdirSync(shots, { recursive: true });

const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
/** Bytes of a page without its style sheets and scripts. */
const LARGEST = 1_000_000;
/** What mdBook makes beside the pages. */
const NO_PAGE = ['print.html', 'toc.html', '404.html'];

const root = resolve(book);
const pages = readdirSync(root, { recursive: true })
  .filter((name) => name.endsWith('.html') && !NO_PAGE.includes(name))
  .sort();
assert.ok(pages.length > 30, `the book has its pages: ${pages.length}`);

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: FLAGS });

/** A window with a theme, and all that goes wrong or out of it. */
async function opened(width, height, theme) {
  const context = await browser.newContext({ viewport: { width, height } });
  await context.addInitScript((name) => localStorage.setItem('mdbook-theme', name), theme);
  const page = await context.newPage();
  const wrong = [];
  page.on('console', (message) => { if (['error', 'warning'].includes(message.type())) wrong.push(message.text()); });
  page.on('pageerror', (error) => wrong.push(String(error)));
  page.on('request', (request) => { if (!/^(file|data|blob):/.test(request.url())) wrong.push(`loads ${request.url()}`); });
  return { page, wrong };
}

const headings = new Map();
const links = [];
let checked = 0;

async function read(width, height, theme) {
  const { page, wrong } = await opened(width, height, theme);
  for (const name of pages) {
    await page.goto(pathToFileURL(join(root, name)).href);
    const seen = await page.evaluate(() => ({
      ids: [...document.querySelectorAll('[id]')].map((element) => element.id),
      links: [...document.querySelectorAll('main a[href]')].map((link) => link.href),
      wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
      unfilled: document.querySelector('main').innerText.match(/\{\{#|<!--|(^|\s)\?(\s|$)/),
      pictures: [...document.querySelectorAll('figure > svg')].map((svg) => [svg.getBoundingClientRect().height, Boolean(svg.querySelector('title'))]),
    }));
    headings.set(name, seen.ids);
    if (theme === 'light' && width > 1000) links.push(...seen.links.map((href) => [name, href]));
    assert.ok(seen.wide <= 0, `${name} is ${seen.wide} pixels too wide at ${width}`);
    assert.equal(seen.unfilled, null, `${name} has something that nobody filled in: ${seen.unfilled}`);
    for (const [tall, named] of seen.pictures) assert.ok(tall > 40 && named, `${name}: each picture is seen and named`);
    await page.screenshot({ path: join(shots, `${name.replaceAll('/', '-').replace('.html', '')}-${width}-${theme}.png`), fullPage: true });
    checked += 1;
  }
  assert.deepEqual(wrong, [], 'no error, and nothing from outside');
  await page.context().close();
}

await read(1280, 900, 'light');
await read(390, 844, 'light');
await read(1280, 900, 'navy');
await read(390, 844, 'navy');

for (const name of pages) {
  const { size } = statSync(join(root, name));
  assert.ok(size < LARGEST, `${name} has ${size} bytes`);
}

// mdBook says nothing of a link that leads nowhere.
for (const [from, href] of links.filter(([, target]) => target.startsWith('file:'))) {
  const [path, anchor] = href.split('#');
  const file = fileURLToPath(path);
  assert.ok(existsSync(file), `${from} links to ${file}`);
  const known = headings.get(relative(root, file));
  assert.ok(!anchor || !known || known.includes(decodeURIComponent(anchor)), `${from} links to ${href}, which is no heading`);
}

// The search finds a term of the book.
const { page } = await opened(1280, 900, 'light');
await page.goto(pathToFileURL(join(root, 'index.html')).href);
await page.keyboard.press('s');
await page.keyboard.type('budget');
await page.waitForFunction(() => document.querySelectorAll('#mdbook-searchresults li, #searchresults li').length > 2, null, { timeout: 20_000 });

// And it prints: all chapters on one page, with its pictures.
await page.goto(pathToFileURL(join(root, 'print.html')).href);
const printed = await page.pdf({ path: join(shots, 'book.pdf'), format: 'A4' });
assert.ok(printed.length > 100_000, 'the book prints');
await browser.close();
console.log(`${pages.length} pages, each seen ${checked / pages.length} times, ${links.length} links`);
