// Switches between profilers and pictures, zooms, searches. Without it the page shows the first picture of every view.
(() => {
  'use strict';
  const NEARLY = 0.002; // places are written to three digits, in percent
  const NAMED = 2; // a frame of this width in percent has room for a name

  /** The frames of a picture, with their places as they were drawn. */
  const framesOf = (picture) => [...picture.children].filter((child) => child.localName === 'svg').map((element) => {
    const number = (name) => parseFloat(element.getAttribute(name));
    const told = element.querySelector('title').textContent;
    return { element, told, name: told.slice(0, told.lastIndexOf(' (')), left: number('x'), width: number('width'), row: -number('y') };
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
      this.stage.addEventListener('pointermove', (event) => { const frame = this.at(event); if (frame) this.tell(frame); });
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
      frame.element.setAttribute('aria-label', frame.told);
    }

    at(event) {
      const element = event.target.closest('.flame > svg');
      return element && this.picture ? this.picture.owners.get(element) : null;
    }

    tell(frame) {
      this.details.textContent = frame.told;
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
      if (width < NAMED || frame.element.querySelector('text')) return;
      const text = document.createElementNS(frame.element.namespaceURI, 'text');
      text.setAttribute('x', '3');
      text.setAttribute('y', '12');
      text.textContent = frame.name;
      frame.element.append(text);
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

    /** Arrow keys walk: up to what is called, down to the caller, left and right along the row. */
    pressed(event) {
      const here = this.current;
      const keys = {
        Enter: () => this.zoom(here), ' ': () => this.zoom(here), Escape: () => this.escape(), Home: () => this.go(this.root),
        ArrowUp: () => this.go(this.called(here)), ArrowDown: () => this.go(this.caller(here)),
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
      const above = this.frames.filter((other) => other.row === row && !other.hidden && holds(frame, other));
      return above.reduce((widest, other) => (widest && widest.width >= other.width ? widest : other), null);
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

  const views = [...document.querySelectorAll('.view')];
  const tabs = [...document.querySelectorAll('.views input')];
  for (const controls of document.querySelectorAll('.tools, .views, .details')) controls.hidden = false;
  for (const view of views) {
    if (view.querySelector('.flame')) new Graph(view);
    else for (const tool of view.querySelectorAll('.tools, .details')) tool.hidden = true;
  }
  const select = () => {
    const chosen = tabs.find((tab) => tab.checked);
    for (const view of views) view.hidden = Boolean(chosen) && view.id !== chosen.value;
  };
  for (const tab of tabs) tab.addEventListener('change', select);
  select();
})();
