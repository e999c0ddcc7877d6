// Opens HTML reports from disk in a real browser and holds them to what they promise: they load nothing, switch, zoom, brush and
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

/** A frame that a pointer can hit: one that a zoom changes, where there is one, by what it says. */
async function someFrame(view) {
  return view.locator('.flame > svg').evaluateAll((frames) => {
    const width = (frame) => parseFloat(frame.getAttribute('width'));
    // Below a few pixels the neighbour is hit instead.
    const wide = frames.filter((frame) => frame.getBoundingClientRect().width >= 12);
    const narrow = wide.filter((frame) => width(frame) < 95).sort((a, b) => width(b) - width(a))[0];
    return (narrow ?? wide[wide.length - 1]).getAttribute('aria-label');
  });
}

const frameOf = (view, label) => view.locator(`.flame > svg[aria-label=${JSON.stringify(label)}]`).first();
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

/** The root is on top, what it calls below it, in a stage of 60 % of the window; names fit their frames. */
async function hangs(page, view) {
  const { height } = page.viewportSize();
  const stage = await view.locator('.stage').boundingBox();
  assert.ok(Math.abs(stage.height - Math.max(256, 0.6 * height)) < 2, `the stage has 60 % of the window: ${stage.height}`);
  const rows = await view.locator('.flame > svg').evaluateAll((frames) => frames.map((frame) => [Number(frame.getAttribute('y')), parseFloat(frame.getAttribute('width'))]));
  assert.deepEqual(rows.filter(([y]) => y === 0), [[0, 100]], 'one root on top');
  const wide = await view.locator('.flame > svg').evaluateAll((frames) => frames.filter((frame) => {
    const text = frame.querySelector('text');
    return text && frame.style.display !== 'none' && text.getComputedTextLength() > frame.getBoundingClientRect().width;
  }).length);
  assert.equal(wide, 0, 'no name is cut by its frame: those that are too long end in an ellipsis');
}

/** What is below the pointer is told at the pointer. */
async function tells(page, view) {
  const label = await someFrame(view);
  const frame = frameOf(view, label);
  // The first may scroll, which hides the tip; the second is told where it is.
  await frame.locator('rect').hover();
  await page.evaluate(() => new Promise((done) => { requestAnimationFrame(() => requestAnimationFrame(done)); }));
  await frame.locator('rect').hover({ position: { x: 4, y: 4 } });
  assert.equal(await page.locator('#tip').textContent(), label);
  const [tip, box] = [await page.locator('#tip').boundingBox(), await frame.boundingBox()];
  assert.ok(Math.abs(tip.y - (box.y + box.height / 2)) < 80 + tip.height, 'near the pointer');
  await page.mouse.move(0, 0);
  assert.ok(!(await page.locator('#tip').isVisible()), 'and gone with it');
}

async function walks(page, view) {
  await page.mouse.move(0, 0);
  await view.locator('.flame > svg[tabindex="0"]').focus();
  const focused = () => page.evaluate(() => document.activeElement.getAttribute('aria-label'));
  const root = await focused();
  await page.keyboard.press('ArrowDown');
  const child = await focused();
  assert.ok(child && child !== root, 'the arrow goes to what is called');
  const ring = await page.evaluate(() => getComputedStyle(document.activeElement.querySelector('rect')).strokeWidth);
  assert.equal(ring, '3px', 'the focus is seen');
  assert.equal(await view.locator('.details').textContent(), child, 'and told');
  await page.keyboard.press('Enter');
  await page.keyboard.press('ArrowUp');
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
    if (await tabs.count() && await tabs.nth(i).isDisabled()) continue;
    if (await tabs.count()) await tabs.nth(i).check();
    const view = await shownView(page);
    if (!view) continue;
    await hangs(page, view);
    await switches(page, view);
    await tells(page, view);
    await zooms(page, view);
    await walks(page, view);
    await finds(view);
  }
  const usable = page.locator('.views input:not([disabled])');
  if (await usable.count()) await usable.first().check();
  if (await usable.count() > 1) {
    const shown = () => page.locator('.view:visible').getAttribute('id');
    const first = await shown();
    await usable.first().focus();
    await page.keyboard.press('ArrowRight');
    assert.notEqual(await shown(), first, 'arrow keys switch profilers');
  }
  // What is chosen last is what is printed: a view with a picture, for a profiler may have seen nothing in another.
  for (let i = 0; i < await usable.count(); i += 1) {
    await usable.nth(i).check();
    if (await page.locator('.view:visible .flame').count()) break;
  }
}

/** The contents bar stays in sight and leads to its sections. */
async function leads(page) {
  const links = page.locator('nav a');
  for (let i = 0; i < await links.count(); i += 1) {
    const target = await links.nth(i).getAttribute('href');
    await links.nth(i).click();
    const bar = await page.locator('nav').boundingBox();
    assert.ok(bar.y >= -1 && bar.y < page.viewportSize().height, 'the contents bar is in sight');
    const section = await page.locator(target).boundingBox();
    const end = await page.evaluate(() => Math.abs(document.documentElement.scrollHeight - window.innerHeight - window.scrollY) < 2);
    assert.ok(end || (section.y >= bar.height - 2 && section.y < page.viewportSize().height), `${target} is in sight: ${section.y}`);
  }
  await page.evaluate(() => window.scrollTo(0, 0));
}

/** Charts tell values below the pointer, zoom into what is brushed, and show hidden lines on demand. */
async function charts(page) {
  const figures = page.locator('#latency figure.plot:has(.chart)');
  for (let i = 0; i < await figures.count(); i += 1) {
    const figure = figures.nth(i);
    const drawn = () => figure.locator('.line').evaluateAll((lines) => lines.filter((line) => getComputedStyle(line).display !== 'none').length);
    if (await figure.locator('.lead').count() === 0) assert.ok(await drawn() <= 4, 'at most four lines at first');
    const ground = figure.locator('.ground');
    await ground.scrollIntoViewIfNeeded();
    const box = await ground.boundingBox();
    const middle = box.y + box.height / 2;
    await page.mouse.move(box.x + box.width * 0.6, middle);
    const values = (await page.locator('#tip').textContent()).split('\n');
    assert.ok(values.length >= 2 && values.every((value) => /\d/.test(value)), `values at the pointer: ${values}`);
    await page.mouse.move(box.x + box.width * 0.3, middle);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.5, middle, { steps: 3 });
    await page.mouse.up();
    const [from, , width] = (await figure.locator('.field').getAttribute('viewBox')).split(' ').map(Number);
    assert.ok(from > 0 && width > 0 && width < 300, `the brush zooms: ${from} ${width}`);
    await figure.locator('.whole').click();
    assert.ok((await figure.locator('.field').getAttribute('viewBox')).startsWith('0 0 '), 'and back');
    const all = figure.locator('.all');
    if (await all.count()) {
      const before = await drawn();
      await all.click();
      assert.ok(await drawn() > before, 'the rest on demand');
    }
    const small = await figure.locator('.chart text').evaluateAll((texts) => texts.map((text) => {
      const scale = text.getScreenCTM().a;
      return parseFloat(getComputedStyle(text).fontSize) * scale;
    }).filter((size) => size < 12));
    assert.deepEqual(small, [], 'labels have 12 px and more');
  }
}

/** Pictures of the scheduler say what they show, to readers of screens too, and are reached by keyboard. */
async function schedules(page) {
  const pictures = page.locator('#scheduling svg.sched');
  for (let i = 0; i < await pictures.count(); i += 1) {
    const told = await pictures.nth(i).evaluate((svg) => [
      svg.getAttribute('role'),
      svg.getAttribute('aria-label') ?? svg.querySelector(':scope > title').textContent,
      svg.querySelector(':scope > desc').textContent,
    ]);
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

/** What has more to show than it has room for, and no way to scroll there. */
const cut = (page) => page.evaluate(() => [...document.querySelectorAll('body *')].filter((element) => {
  if (element.closest('svg') || !element.checkVisibility() || element.closest('thead')) return false;
  const hides = ['hidden', 'clip'].includes(getComputedStyle(element).overflowX);
  return hides && element.scrollWidth > element.clientWidth + 1;
}).map((element) => `${element.localName}.${element.className}`));

async function check(browser, report) {
  const url = pathToFileURL(resolve(report)).href;
  const name = `${basename(dirname(resolve(report)))}-${basename(report, '.html')}`;
  const shot = (page, kind) => page.screenshot({ path: join(shots, `${name}-${kind}.png`), fullPage: true });

  const { page, wrong, close } = await opened(browser, url);
  assert.ok((await page.locator('h1').textContent()).length > 10, 'the verdict comes first');
  await leads(page);
  await charts(page);
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
  assert.deepEqual(await cut(page), [], 'nothing is cut off at the width of a phone');
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
