// Opens HTML reports from disk in a real browser and holds them to what they promise: they load nothing, switch, zoom and
// search by mouse and by keyboard, read in light, dark, narrow and on paper, and show their pictures without a script.
//
//   node check.mjs FOLDER REPORT.html...
//
// FOLDER gets the screenshots. CHROMIUM names another browser than /usr/bin/chromium.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

const [shots, ...reports] = process.argv.slice(2);
if (!shots || reports.length === 0) {
  console.error('usage: node check.mjs FOLDER REPORT.html...');
  process.exit(2);
}
mkdirSync(shots, { recursive: true });

const FLAGS = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
];
const WIDE = { width: 1280, height: 900 };
const PHONE = { width: 390, height: 844 };

/** A page of the report, and all that went wrong or out of it. */
async function opened(browser, url, options = {}) {
  const context = await browser.newContext({ viewport: WIDE, ...options });
  const page = await context.newPage();
  const wrong = [];
  page.on('console', (message) => { if (['error', 'warning'].includes(message.type())) wrong.push(message.text()); });
  page.on('pageerror', (error) => wrong.push(String(error)));
  page.on('request', (request) => { if (request.url() !== url && !request.url().startsWith('data:')) wrong.push(`loads ${request.url()}`); });
  await page.goto(url);
  return { page, wrong, close: () => context.close() };
}

/** The view that is shown, if it has a picture. */
async function shownView(page) {
  const view = page.locator('.view:visible').first();
  return (await view.count()) && (await view.locator('.flame').count()) ? view : null;
}

/** A frame above the root that a zoom changes, by what it says. */
async function someFrame(view) {
  return view.locator('.flame > svg').evaluateAll((frames) => {
    const width = (frame) => parseFloat(frame.getAttribute('width'));
    const narrow = frames.filter((frame) => width(frame) < 95).sort((a, b) => width(b) - width(a))[0];
    return (narrow ?? frames[frames.length - 1]).querySelector('title').textContent;
  });
}

const frameOf = (view, told) => view.locator('.flame > svg', { has: view.page().locator(`title`, { hasText: told }) }).first();
const widthOf = (frame) => frame.evaluate((element) => parseFloat(element.getAttribute('width')));

async function zooms(page, view) {
  const told = await someFrame(view);
  const frame = frameOf(view, told);
  const before = await widthOf(frame);
  await frame.locator('rect').click();
  assert.equal(await widthOf(frame), 100, 'a click zooms');
  await page.keyboard.press('Escape');
  assert.equal(await widthOf(frame), before, 'Escape goes back');
  await frame.locator('rect').click();
  await view.locator('.reset').click();
  assert.equal(await widthOf(frame), before, 'the button goes back');
}

async function walks(page, view) {
  await page.mouse.move(0, 0);
  await view.locator('.flame > svg[tabindex="0"]').focus();
  const focused = () => page.evaluate(() => document.activeElement.getAttribute('aria-label'));
  const root = await focused();
  await page.keyboard.press('ArrowUp');
  const child = await focused();
  assert.ok(child && child !== root, 'the arrow goes to what is called');
  const ring = await page.evaluate(() => getComputedStyle(document.activeElement.querySelector('rect')).strokeWidth);
  assert.equal(ring, '3px', 'the focus is seen');
  assert.equal(await view.locator('.details').textContent(), child, 'and told');
  await page.keyboard.press('Enter');
  await page.keyboard.press('ArrowDown');
  assert.equal(await focused(), root, 'and back to the caller');
  await page.keyboard.press('Escape');
}

async function finds(view) {
  const told = await someFrame(view);
  const name = told.slice(0, told.lastIndexOf(' (')).slice(0, 30);
  await view.locator('.search').fill(name);
  const matched = await view.locator('.matched').textContent();
  const share = Number(/^matched ([\d.]+) %, [1-9]\d* frames$/.exec(matched)?.[1]);
  assert.ok(share > 0 && share <= 100.1, `'${name}' is found: ${matched}`);
  assert.ok(await view.locator('.flame > svg.hit').count() > 0, 'and highlighted');
  await view.locator('.search').press('Escape');
  assert.equal(await view.locator('.matched').textContent(), '');
}

/** Every picture that can be chosen is another one; by mouse and by arrow keys. */
async function switches(page, view) {
  const choices = view.locator('fieldset input:not([disabled])');
  const caption = view.locator('figcaption').first();
  const seen = new Set([await caption.textContent()]);
  for (let i = 1; i < await choices.count(); i += 1) {
    await choices.nth(i).check();
    seen.add(await caption.textContent());
    assert.ok(await view.locator('.stage .flame > svg').count() > 0, 'there is a picture');
  }
  assert.equal(seen.size, await choices.count(), 'each choice has its picture');
  if (await choices.count() > 1) {
    await choices.first().check();
    const first = await caption.textContent();
    await choices.first().focus();
    await page.keyboard.press('ArrowRight');
    assert.notEqual(await caption.textContent(), first, 'arrow keys switch');
    await choices.first().check();
  }
  const full = view.locator('.full');
  if (await full.count()) {
    const frames = () => view.locator('.stage .flame > svg').count();
    const folded = await frames();
    await full.check();
    assert.ok(await frames() >= folded, 'the runtime has frames of its own');
    await full.uncheck();
  }
}

async function works(page) {
  const tabs = page.locator('.views input');
  for (let i = 0; i < Math.max(1, await tabs.count()); i += 1) {
    if (await tabs.count()) await tabs.nth(i).check();
    const view = await shownView(page);
    if (!view) continue;
    await switches(page, view);
    await zooms(page, view);
    await walks(page, view);
    await finds(view);
  }
  if (await tabs.count()) await tabs.first().check();
  if (await tabs.count() > 1) {
    const shown = () => page.locator('.view:visible').getAttribute('id');
    const first = await shown();
    await tabs.first().focus();
    await page.keyboard.press('ArrowRight');
    assert.notEqual(await shown(), first, 'arrow keys switch profilers');
  }
  // What is chosen last is what is printed: a view with a picture, for a profiler may have seen nothing in another.
  for (let i = 0; i < await tabs.count(); i += 1) {
    await tabs.nth(i).check();
    if (await page.locator('.view:visible .flame').count()) break;
  }
}

/** Pictures of the scheduler say what they show, to readers of screens too, and are reached by keyboard. */
async function schedules(page) {
  const pictures = page.locator('#scheduling svg.sched');
  for (let i = 0; i < await pictures.count(); i += 1) {
    const told = await pictures.nth(i).evaluate((svg) => [svg.getAttribute('role'), ...['title', 'desc'].map((tag) => svg.querySelector(`:scope > ${tag}`).textContent)]);
    assert.ok(told[0] === 'img' && told[1].length > 5 && told[2].length > 20, `a picture says what it shows: ${told}`);
    const frame = pictures.nth(i).locator('..');
    await frame.focus();
    assert.ok(await frame.evaluate((element) => element === document.activeElement), 'what scrolls has the focus');
    assert.ok(await pictures.nth(i).isVisible());
  }
}

const luminance = (page) => page.evaluate(() => {
  const [r, g, b] = getComputedStyle(document.body).backgroundColor.match(/\d+/g).map(Number);
  return (r + g + b) / 3;
});

const overflow = (page) => page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);

async function check(browser, report) {
  const url = pathToFileURL(resolve(report)).href;
  const name = `${basename(dirname(resolve(report)))}-${basename(report, '.html')}`;
  const shot = (page, kind) => page.screenshot({ path: join(shots, `${name}-${kind}.png`), fullPage: true });

  const { page, wrong, close } = await opened(browser, url);
  assert.ok((await page.locator('h1').textContent()).length > 10, 'the verdict comes first');
  await works(page);
  await schedules(page);
  await shot(page, 'light');
  assert.ok(await luminance(page) > 200);
  await page.emulateMedia({ colorScheme: 'dark' });
  assert.ok(await luminance(page) < 60, 'dark is dark');
  await shot(page, 'dark');
  await page.emulateMedia({ colorScheme: 'light', media: 'print' });
  assert.equal(await page.locator('.tools:visible, .views:visible').count(), 0, 'paper has no controls');
  if (await page.locator('.flame').count()) assert.ok(await page.locator('.flame:visible').count() > 0);
  await page.pdf({ path: join(shots, `${name}.pdf`), format: 'A4' });
  await shot(page, 'print');
  await page.emulateMedia({ colorScheme: 'light', media: 'screen' });
  await page.setViewportSize(PHONE);
  assert.ok(await overflow(page) <= 0, `nothing is wider than a phone: ${await overflow(page)} px too wide`);
  await shot(page, 'phone');
  assert.deepEqual(wrong, []);
  await close();

  const silent = await opened(browser, url, { javaScriptEnabled: false });
  const views = silent.page.locator('.view:has(.flame)');
  for (let i = 0; i < await views.count(); i += 1) {
    assert.ok(await views.nth(i).locator('.flame').isVisible(), 'without a script there are pictures');
  }
  await schedules(silent.page);
  assert.equal(await silent.page.locator('.tools:visible').count(), 0, 'and no controls that do nothing');
  await silent.close();
}

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: FLAGS });
let failed = 0;
for (const report of reports) {
  try {
    await check(browser, report);
    console.log(`ok      ${report}`);
  } catch (error) {
    failed += 1;
    console.log(`failed  ${report}\n${error.stack}`);
  }
}
await browser.close();
process.exit(failed ? 1 : 0);
