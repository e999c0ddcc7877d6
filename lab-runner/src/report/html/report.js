// Switches between profilers and pictures, zooms, searches. Without it the page shows the first picture of every view.
(() => {
  'use strict';
  const NEARLY = 0.002; // places are written to three digits, in percent

  const CHARACTER = 7.25; // pixels of a character of a frame's name
  const PADDING = 8;

  /** A text at the pointer, or none. */
  const tip = document.createElement('div');
  tip.id = 'tip';
  tip.hidden = true;
  tip.setAttribute('aria-hidden', 'true');
  document.body.append(tip);
  const showTip = (event, text) => {
    tip.hidden = !text;
    if (!text) return;
    tip.textContent = text;
    const { width, height } = tip.getBoundingClientRect();
    const left = Math.min(event.clientX + 14, window.innerWidth - width - 6);
    const below = event.clientY + 18 + height < window.innerHeight;
    tip.style.left = `${Math.max(4, left)}px`;
    tip.style.top = `${below ? event.clientY + 16 : Math.max(4, event.clientY - height - 12)}px`;
  };
  const hideTip = () => { tip.hidden = true; };
  window.addEventListener('scroll', hideTip, { passive: true, capture: true });

  /** The label of an element, which its title had: a browser would show both that and the tip. */
  const labelled = (element) => {
    const title = element.querySelector(':scope > title');
    if (!title) return element.getAttribute('aria-label');
    const text = title.textContent;
    element.setAttribute('aria-label', text);
    title.remove();
    return text;
  };

  /** The frames of a picture, with their places as they were drawn. */
  const framesOf = (picture) => [...picture.children].filter((child) => child.localName === 'svg').map((element) => {
    const number = (name) => parseFloat(element.getAttribute(name));
    const label = labelled(element);
    return { element, label, name: label.slice(0, label.lastIndexOf(' (')), short: element.dataset.n, left: number('x'), width: number('width'), row: number('y') };
  });

  const right = (frame) => frame.left + frame.width;
  const holds = (outer, inner) => outer.left <= inner.left + NEARLY && right(outer) >= right(inner) - NEARLY;

  /** One flame graph with its tools. */
  class Graph {
    constructor(view) {
      const one = (selector) => view.querySelector(selector);
      this.stage = one('.stage');
      this.details = one('.details');
      this.caption = one('figcaption');
      this.search = one('.search');
      this.matched = one('.matched');
      this.full = one('.full');
      this.choices = [...view.querySelectorAll('fieldset input')];
      this.pictures = new Map();
      for (const template of view.querySelectorAll('template')) {
        this.pictures.set(template.dataset.picture, template.content.firstElementChild);
      }
      const first = this.choices.find((choice) => choice.checked);
      if (first && this.stage.firstElementChild) {
        this.pictures.set(`${first.value}-folded`, this.stage.firstElementChild);
      }
      this.hint = this.details.textContent;
      this.listen(one('.reset'));
      this.show();
    }

    listen(reset) {
      for (const choice of this.choices) choice.addEventListener('change', () => this.show());
      if (this.full) this.full.addEventListener('change', () => this.show());
      this.search.addEventListener('input', () => this.find());
      this.search.addEventListener('keydown', (event) => {
        if (event.key === 'Escape') { this.search.value = ''; this.find(); event.preventDefault(); }
      });
      reset.addEventListener('click', () => this.zoom(null));
      this.stage.addEventListener('click', (event) => { const frame = this.at(event); if (frame) this.zoom(frame); });
      this.stage.addEventListener('pointermove', (event) => {
        const frame = this.at(event);
        showTip(event, frame && frame.label);
        if (frame) this.tell(frame);
      });
      this.stage.addEventListener('pointerleave', hideTip);
      new ResizeObserver(() => this.fit()).observe(this.stage);
      this.stage.addEventListener('focusin', (event) => { const frame = this.at(event); if (frame) this.focused(frame); });
      this.stage.addEventListener('keydown', (event) => this.pressed(event));
    }

    /** The picture that is chosen, with all frames of the runtime if that is wanted and there. */
    show() {
      const choice = this.choices.find((candidate) => candidate.checked);
      if (!choice) return;
      const full = this.full && this.full.checked && this.pictures.get(`${choice.value}-full`);
      const picture = full || this.pictures.get(`${choice.value}-folded`);
      if (!picture) return;
      this.stage.replaceChildren(picture);
      this.caption.textContent = [choice.parentElement.textContent.trim(), choice.dataset.legend].filter(Boolean).join('. ');
      picture.setAttribute('role', 'group');
      picture.setAttribute('aria-label', `flame graph, ${this.caption.textContent}`);
      if (!picture.frames) {
        picture.frames = framesOf(picture);
        picture.owners = new Map(picture.frames.map((frame) => [frame.element, frame]));
        for (const frame of picture.frames) this.dress(frame);
      }
      this.picture = picture;
      this.frames = picture.frames;
      this.root = this.frames.reduce((lowest, frame) => (lowest && lowest.row <= frame.row ? lowest : frame), null);
      this.rows = [...new Set(this.frames.map((frame) => frame.row))].sort((a, b) => a - b);
      this.zoom(null);
      this.find();
    }

    dress(frame) {
      frame.element.setAttribute('tabindex', '-1');
      frame.element.setAttribute('role', 'button');
          }

    at(event) {
      const element = event.target.closest('.flame > svg');
      return element && this.picture ? this.picture.owners.get(element) : null;
    }

    tell(frame) {
      this.details.textContent = frame.label;
    }

    focused(frame) {
      if (this.current) this.current.element.setAttribute('tabindex', '-1');
      this.current = frame;
      frame.element.setAttribute('tabindex', '0');
      this.tell(frame);
    }

    /** Makes a frame as wide as the picture, and what it calls in proportion; of nothing, all are as they were. */
    zoom(to) {
      const target = to || this.root;
      if (!target) return;
      const all = target === this.root;
      for (const frame of this.frames) {
        const under = !all && frame.row < target.row && holds(frame, target);
        const shown = all || under || (frame.row >= target.row && holds(target, frame));
        frame.hidden = !shown;
        frame.element.style.display = shown ? '' : 'none';
        frame.element.classList.toggle('over', under);
        if (!shown) continue;
        const left = under ? 0 : (frame.left - target.left) * 100 / target.width;
        const width = under ? 100 : frame.width * 100 / target.width;
        this.place(frame, all ? frame.left : left, all ? frame.width : width);
      }
      this.zoomed = all ? null : target;
      this.focused(target);
      if (all) this.details.textContent = this.hint;
    }

    place(frame, left, width) {
      frame.element.setAttribute('x', `${+left.toFixed(3)}%`);
      frame.element.setAttribute('width', `${+width.toFixed(3)}%`);
      frame.now = width;
      this.write(frame);
    }

    /** Names the frame as far as it has room, with an ellipsis where the name ends early. */
    write(frame) {
      const room = Math.floor(((this.stage.clientWidth - 14) * frame.now / 100 - PADDING) / CHARACTER);
      let text = frame.element.querySelector('text');
      if (room < 2) {
        if (text) text.remove();
        return;
      }
      if (!text) {
        text = document.createElementNS(frame.element.namespaceURI, 'text');
        text.setAttribute('x', '4');
        text.setAttribute('y', '13');
        frame.element.append(text);
      }
      text.textContent = frame.short.length > room ? `${frame.short.slice(0, room - 1)}…` : frame.short;
    }

    fit() {
      if (!this.frames || !this.stage.clientWidth) return;
      for (const frame of this.frames) if (!frame.hidden && frame.now) this.write(frame);
    }

    /** Highlights what has the text in its name, and says which part of the picture that is. */
    find() {
      const text = this.search.value.trim().toLowerCase();
      const hits = this.frames ? this.frames.filter((frame) => text && frame.name.toLowerCase().includes(text)) : [];
      for (const frame of this.frames || []) frame.element.classList.toggle('hit', hits.includes(frame));
      // What calls itself counts once: the places that are covered, not their sum.
      let covered = 0;
      let end = -1;
      for (const frame of [...hits].sort((a, b) => a.left - b.left || b.width - a.width)) {
        covered += Math.max(0, right(frame) - Math.max(end, frame.left));
        end = Math.max(end, right(frame));
      }
      const share = this.root ? covered * 100 / this.root.width : 0;
      this.matched.textContent = text ? `matched ${share.toFixed(1)} %, ${hits.length} frames` : '';
    }

    /** Arrow keys walk: down to what is called, up to the caller, left and right along the row. */
    pressed(event) {
      const here = this.current;
      const keys = {
        Enter: () => this.zoom(here), ' ': () => this.zoom(here), Escape: () => this.escape(), Home: () => this.go(this.root),
        ArrowDown: () => this.go(this.called(here)), ArrowUp: () => this.go(this.caller(here)),
        ArrowLeft: () => this.go(this.beside(here, -1)), ArrowRight: () => this.go(this.beside(here, 1)),
      };
      if (!here || !keys[event.key] || event.altKey || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      keys[event.key]();
      this.current.element.focus();
    }

    escape() {
      const here = this.zoomed;
      this.zoom(null);
      if (here) this.focused(here);
    }

    go(frame) {
      if (frame) this.focused(frame);
    }

    called(frame) {
      const row = this.rows[this.rows.indexOf(frame.row) + 1];
      const below = this.frames.filter((other) => other.row === row && !other.hidden && holds(frame, other));
      return below.reduce((widest, other) => (widest && widest.width >= other.width ? widest : other), null);
    }

    caller(frame) {
      const row = this.rows[this.rows.indexOf(frame.row) - 1];
      return this.frames.find((other) => other.row === row && !other.hidden && holds(other, frame));
    }

    beside(frame, step) {
      const row = this.frames.filter((other) => other.row === frame.row && !other.hidden).sort((a, b) => a.left - b.left);
      return row[row.indexOf(frame) + step];
    }
  }

  const SCALES = {
    linear: [(value) => value, (place) => place],
    log: [(value) => Math.log10(value), (place) => 10 ** place],
    tail: [(value) => -Math.log10(1 - value), (place) => 1 - 10 ** -place],
  };

  /** An axis of a chart: which number stands at which share of it. */
  const axisOf = (text) => {
    const [scale, low, high] = text.split(' ');
    const [to, from] = SCALES[scale];
    const [first, last] = [to(Number(low)), to(Number(high))];
    return { scale, at: (share) => from(first + share * (last - first)) };
  };

  const digits = (value) => {
    const size = Math.abs(value);
    if (size >= 100) return Math.round(value).toLocaleString('en').replaceAll(',', '\u202f');
    return size === 0 ? '0' : value.toPrecision(3);
  };
  const onAxis = (axis, value) => (axis.scale === 'tail' ? `${+(value * 100).toPrecision(6)} %` : digits(value));

  /** A chart: values below the pointer, a brush that zooms, lines on demand. */
  class Chart {
    constructor(figure) {
      this.svg = figure.querySelector('.chart');
      this.field = this.svg.querySelector('.field');
      this.lines = [...this.field.querySelectorAll('.line')];
      this.size = this.field.viewBox.baseVal;
      [this.width, this.height] = [this.size.width, this.size.height];
      this.x = axisOf(this.svg.dataset.x);
      this.y = axisOf(this.svg.dataset.y);
      this.ticks = [...this.svg.querySelectorAll('.tick')].map((tick) => ({ tick, at: Number(tick.dataset.at) }));
      this.range = [0, this.width];
      this.whole = figure.querySelector('.whole');
      labelled(this.svg);
      for (const line of this.lines) line.points = this.pointsOf(line);
      this.cursor = this.extra('path', 'cursor');
      this.brush = this.extra('rect', 'brush');
      this.brush.setAttribute('height', this.height);
      this.listen(figure);
    }

    pointsOf(line) {
      const numbers = line.getAttribute('d').split('M').slice(1).filter((part) => !part.includes('h')).join('L').split('L');
      return numbers.filter(Boolean).map((pair) => pair.split(' ').map(Number));
    }

    extra(name, kind) {
      const element = document.createElementNS(this.svg.namespaceURI, name);
      element.setAttribute('class', kind);
      this.field.append(element);
      return element;
    }

    listen(figure) {
      this.field.addEventListener('pointermove', (event) => this.moved(event));
      this.field.addEventListener('pointerleave', () => { if (this.from === undefined) { hideTip(); this.cursor.setAttribute('d', ''); } });
      this.field.addEventListener('pointerdown', (event) => {
        if (event.button !== 0 || event.pointerType === 'touch') return;
        this.from = this.place(event);
        this.field.setPointerCapture(event.pointerId);
      });
      this.field.addEventListener('pointerup', (event) => this.brushed(this.place(event)));
      this.field.addEventListener('dblclick', () => this.zoom([0, this.width]));
      this.whole.addEventListener('click', () => this.zoom([0, this.width]));
      for (const input of figure.querySelectorAll('.lines input')) {
        input.hidden = false;
        input.addEventListener('change', () => this.lines.filter((line) => line.dataset.line === input.dataset.line)
          .forEach((line) => line.classList.toggle('off', !input.checked)));
      }
      const all = figure.querySelector('.all');
      if (!all) return;
      all.hidden = false;
      all.addEventListener('click', () => {
        for (const label of figure.querySelectorAll('.more')) {
          label.hidden = false;
          label.querySelector('input').click();
        }
        all.hidden = true;
      });
    }

    /** Where the pointer is, in the field's own pixels. */
    place(event) {
      const box = this.field.querySelector('.ground').getBoundingClientRect();
      const [from, to] = [0, this.width];
      return Math.min(to, Math.max(from, (event.clientX - box.left) / box.width * this.width));
    }

    moved(event) {
      const at = this.place(event);
      this.cursor.setAttribute('d', `M${at} 0V${this.height}`);
      if (this.from !== undefined) {
        this.brush.setAttribute('x', Math.min(at, this.from));
        this.brush.setAttribute('width', Math.abs(at - this.from));
      }
      const values = this.lines.filter((line) => !line.classList.contains('off')).map((line) => this.value(line, at));
      showTip(event, [onAxis(this.x, this.x.at(at / this.width)), ...values.filter(Boolean)].join('\n'));
    }

    /** The line's value at a place between its points. */
    value(line, at) {
      const after = line.points.findIndex(([x]) => x >= at);
      if (after < 0 || (after === 0 && line.points[0][0] > at + 1)) return null;
      const [right, left] = [line.points[after], line.points[Math.max(0, after - 1)]];
      const part = right[0] === left[0] ? 0 : (at - left[0]) / (right[0] - left[0]);
      const y = left[1] + part * (right[1] - left[1]);
      return `${digits(this.y.at(1 - y / this.height))}  ${line.dataset.name}`;
    }

    brushed(to) {
      const from = this.from;
      this.from = undefined;
      this.brush.setAttribute('width', 0);
      if (from !== undefined && Math.abs(to - from) > 4) this.zoom([Math.min(from, to), Math.max(from, to)]);
    }

    zoom(range) {
      this.range = range;
      const [from, to] = range;
      this.field.setAttribute('viewBox', `${from} 0 ${to - from} ${this.height}`);
      for (const { tick, at } of this.ticks) {
        const shift = (at - from) * this.width / (to - from) - at;
        tick.setAttribute('transform', `translate(${shift})`);
        tick.style.display = at < from || at > to ? 'none' : '';
      }
      this.whole.hidden = from === 0 && to === this.width;
      this.whole.textContent = `whole range (now ${onAxis(this.x, this.x.at(from / this.width))} to ${onAxis(this.x, this.x.at(to / this.width))})`;
      for (const name of this.svg.querySelectorAll('.lead, text.c0, text.c1, text.c2, text.c3, text.c4, text.c5')) name.style.display = this.whole.hidden ? '' : 'none';
    }
  }
  for (const figure of document.querySelectorAll('figure.plot')) if (figure.querySelector('.chart')) new Chart(figure);

  // What a bar of a time line is, at the pointer.
  for (const picture of document.querySelectorAll('.sched, .timeline')) {
    labelled(picture);
    for (const bar of picture.querySelectorAll('rect')) labelled(bar);
    picture.addEventListener('pointermove', (event) => showTip(event, event.target.localName === 'rect' ? event.target.getAttribute('aria-label') : ''));
    picture.addEventListener('pointerleave', hideTip);
  }

  // The section that is read, in the contents bar.
  const links = [...document.querySelectorAll('nav a')];
  const sections = links.map((link) => document.querySelector(link.getAttribute('href')));
  const mark = () => {
    const read = sections.reduce((last, section, at) => (section.getBoundingClientRect().top < window.innerHeight / 3 ? at : last), -1);
    links.forEach((link, at) => (at === read ? link.setAttribute('aria-current', 'true') : link.removeAttribute('aria-current')));
  };
  window.addEventListener('scroll', mark, { passive: true });
  mark();

  const views = [...document.querySelectorAll('.view')];
  const tabs = [...document.querySelectorAll('.views input')];
  const graphs = [];
  for (const controls of document.querySelectorAll('.tools, .views, .details')) controls.hidden = false;
  for (const view of views) {
    if (view.querySelector('.flame')) graphs.push(new Graph(view));
    else for (const tool of view.querySelectorAll('.tools, .details')) tool.hidden = true;
  }
  const select = () => {
    const chosen = tabs.find((tab) => tab.checked);
    for (const view of views) view.hidden = Boolean(chosen) && view.id !== chosen.value;
    for (const graph of graphs) graph.fit();
    legends();
  };
  // A difference has other colours than a profile.
  const legends = () => {
    const shown = views.find((view) => !view.hidden);
    const choice = shown && shown.querySelector('.tools input:checked');
    const differs = Boolean(choice) && 'differs' in choice.dataset;
    for (const legend of document.querySelectorAll('.legend')) legend.hidden = legend.classList.contains('change') !== differs;
  };
  for (const tab of tabs) tab.addEventListener('change', select);
  for (const choice of document.querySelectorAll('.tools input[type="radio"]')) choice.addEventListener('change', legends);
  select();
})();
