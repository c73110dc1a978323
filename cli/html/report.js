// Tells about the token under the pointer, or the one that the arrow keys have reached.
(() => {
  'use strict';
  const page = JSON.parse(document.getElementById('page').textContent);
  const gamma = page.num / page.den;
  const tip = document.getElementById('tip');
  const kinds = {
    G: 'Green', R: 'Red', g: 'Seen before (green): not counted again',
    r: 'Seen before (red): not counted again', '.': 'Not scored: too few tokens before it',
  };
  const texts = new Map();
  let hot = null;

  // All tokens of a text in order, each with what is known at it.
  function read(box) {
    if (texts.has(box)) return texts.get(box);
    const data = JSON.parse(box.nextElementSibling.textContent);
    const known = [];
    for (const run of data.runs) {
      let n = run.n, g = run.g;
      for (let i = 0; i < run.c.length; i++) {
        const kind = run.c[i];
        if (kind === 'G' || kind === 'R') n++;
        if (kind === 'G') g++;
        const at = run.k + i;
        known.push({ kind, n, g, at: run.at + i, id: run.ids[at],
                     context: run.ids.slice(Math.max(0, at - page.h), at) });
      }
    }
    const elements = [...box.querySelectorAll('b,i,u,span')];
    const text = { elements, known, total: data.n, index: new Map(elements.map((e, i) => [e, i])) };
    texts.set(box, text);
    return text;
  }

  function line(words, className) {
    const p = document.createElement('p');
    p.textContent = words;
    if (className) p.className = className;
    return p;
  }

  function show(text, i) {
    const element = text.elements[i], t = text.known[i];
    if (hot) hot.classList.remove('hot');
    hot = element;
    hot.classList.add('hot');
    const lines = [line(kinds[t.kind], 'head'),
                   line(`Token ${t.id}, position ${t.at} of ${text.total}`)];
    if (t.kind !== '.') {
      lines.push(line(page.h ? `Context: ${t.context.join(', ')}` : 'No context: one list for all'),
                 line(`Green with probability ${page.num}/${page.den} in text written without the key`));
    }
    const z = t.n ? (t.g - gamma * t.n) / Math.sqrt(t.n * gamma * (1 - gamma)) : 0;
    lines.push(line(`Up to here: ${t.g} of ${t.n} scored are green, z ${z.toFixed(2)}`));
    tip.replaceChildren(...lines);
    tip.hidden = false;
    const at = element.getClientRects()[0] || element.getBoundingClientRect();
    const wide = document.documentElement.clientWidth;
    const below = at.bottom + 8 + tip.offsetHeight < innerHeight;
    tip.style.left = `${scrollX + Math.max(8, Math.min(at.left, wide - tip.offsetWidth - 8))}px`;
    tip.style.top = `${scrollY + (below ? at.bottom + 8 : at.top - tip.offsetHeight - 8)}px`;
  }

  function hide() {
    tip.hidden = true;
    if (hot) hot.classList.remove('hot');
    hot = null;
  }

  for (const box of document.querySelectorAll('.t')) {
    let at = 0;
    box.addEventListener('pointerover', (event) => {
      const element = event.target.closest('b,i,u,span');
      const i = element && read(box).index.get(element);
      if (i !== undefined && i !== null) { at = i; show(read(box), i); }
    });
    box.addEventListener('pointerleave', (event) => { if (event.pointerType === 'mouse') hide(); });
    box.addEventListener('focus', () => {
      if (box.matches(':focus-visible')) show(read(box), at);
    });
    box.addEventListener('blur', hide);
    box.addEventListener('keydown', (event) => {
      const last = read(box).elements.length - 1;
      const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 10, ArrowUp: -10, Home: -last, End: last };
      if (event.key === 'Escape') { hide(); return; }
      if (!(event.key in step) || event.ctrlKey || event.altKey || event.metaKey) return;
      at = Math.max(0, Math.min(last, at + step[event.key]));
      read(box).elements[at].scrollIntoView({ block: 'nearest' });
      show(read(box), at);
      event.preventDefault();
    });
  }
})();
