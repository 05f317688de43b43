// What the reader sees and moves; the numbers come from equations.js.
function explore(root) {
  "use strict";
  root.dataset.ready = "true";
  const data = JSON.parse(root.querySelector("script[type='application/json']").textContent);
  const part = (name) => root.querySelector(`[data-part='${name}']`);
  const { Q, R, K, probs, sims, top, near, rows, rankOf, shares, scores, kindOf, wilson, evaluate } =
    equations(data);
  const SHOWN = 30, FULL = data.sprite ? data.sprite.size : 0, SMALL = 32;
  const nameOf = (q) => data.names[q];

  const percent = (share) => (100 * share).toFixed(1);

  function node(tag, className, text) {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  }

  function withAttributes(made, attributes, text) {
    for (const key of Object.keys(attributes)) made.setAttribute(key, attributes[key]);
    if (text !== undefined) made.textContent = text;
    return made;
  }

  const svg = (tag, attributes, text) =>
    withAttributes(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, text);
  const input = (attributes) => withAttributes(node("input"), attributes);

  // A slider, which moves in steps, and beside it a field for any number, a stored value included.
  function controlRow(c) {
    const row = node("div", "fx-row"), label = node("label"), id = `${root.id}-${c.key}`;
    const [stem, index] = c.label.split("_"), ends = { min: c.low, max: c.high, step: c.step };
    const own = { "data-key": c.key, autocomplete: "off" };
    label.htmlFor = id;
    label.append(stem, index ? node("sub", "", index) : "", node("span", "", c.help));
    const slider = input({ type: "range", id, ...own, ...ends });
    const field = input({ type: "number", ...own, "aria-label": `${c.label}, exact value`,
      ...(c.whole ? { "data-whole": "true", ...ends } : { step: "any" }) });
    row.append(label, slider, field);
    return row;
  }

  function buildControls() {
    const gates = node("fieldset", "fx-gate"), legend = node("legend", "", "T");
    legend.append(node("sub", "", "sf"), " gates");
    gates.append(legend);
    for (const [value, words] of Object.entries(data.gates)) {
      const label = node("label");
      label.append(input({ type: "radio", name: `${root.id}-gate`, value, "data-key": "gate" }), words);
      gates.append(label);
    }
    part("controls").append(...data.controls.map(controlRow), gates);
    for (const [key, words] of Object.entries(data.resets)) {
      const button = withAttributes(node("button"), { type: "button", "data-reset": key }, words);
      part("controls").append(button);
      if (key === "start") continue;
      const mark = node("span");
      mark.append(node("i", "fx-k-" + key), words[0].toLowerCase() + words.slice(1));
      part("key").append(mark);
    }
  }

  function drawCurve(result, s) {
    const plot = part("plot"), W = 420, H = 230, left = 46, right = 12, upper = 12, lower = 40;
    const shares = result.curve.map((k) => k / Q), before = result.before / Q;
    const here = result.correct / Q;
    let low = Math.min(before, here, ...shares), high = Math.max(before, here, ...shares);
    const pad = Math.max((high - low) * 0.15, 0.01);
    low = Math.max(0, low - pad);
    high = Math.min(1, high + pad);
    const x = (t) => left + Math.max(0, Math.min(1, t)) * (W - left - right);
    const y = (a) => upper + ((high - a) / (high - low)) * (H - upper - lower);
    plot.replaceChildren();
    for (let i = 0; i <= 4; i++) {
      const a = low + ((high - low) * i) / 4, t = i / 4;
      plot.append(svg("line", { x1: left, x2: W - right, y1: y(a), y2: y(a), class: "fx-grid" }));
      plot.append(svg("text", { x: left - 6, y: y(a) + 4, "text-anchor": "end" }, percent(a)));
      plot.append(svg("text", { x: x(t), y: H - lower + 16, "text-anchor": "middle" }, String(t)));
    }
    const middle = (left + W - right) / 2;
    plot.append(svg("text", { x: middle, y: H - 6, "text-anchor": "middle" },
      "threshold T_sf; accuracy in %"));
    plot.append(svg("line",
      { x1: left, x2: W - right, y1: y(before), y2: y(before), class: "fx-before" }));
    for (const name of ["published", "chosen"]) {
      const mark = data.settings[name];
      if (!mark) continue;
      plot.append(svg("line", { x1: x(mark.t_sf), x2: x(mark.t_sf), y1: upper, y2: H - lower,
        class: "fx-mark fx-mark-" + name }));
    }
    const points = shares.map((a, i) => `${x(i / 100)},${y(a)}`).join(" ");
    plot.append(svg("polyline", { points, class: "fx-line" }));
    plot.append(svg("circle", { cx: x(s.t_sf), cy: y(here), r: 5, class: "fx-point" }));
    plot.setAttribute("aria-label", `Accuracy over T_sf: ${percent(Math.min(...shares))} to ` +
      `${percent(Math.max(...shares))} %; ${percent(here)} % at T_sf ${s.t_sf}.`);
  }

  const slots = new Map();
  if (data.sprite) {
    data.sprite.queries.forEach((q, slot) => slots.set("q" + q, slot));
    data.sprite.rows.forEach((row, i) => slots.set("d" + row, data.sprite.queries.length + i));
  }

  function picture(key, label, size) {
    if (!slots.has(key)) return null;
    const slot = slots.get(key), made = node("span", "fx-thumb");
    made.style.width = made.style.height = `${size}px`;
    made.style.backgroundSize = `${data.sprite.columns * size}px auto`;
    const across = (slot % data.sprite.columns) * size;
    const down = Math.floor(slot / data.sprite.columns) * size;
    made.style.backgroundPosition = `-${across}px -${down}px`;
    made.setAttribute("role", "img");
    made.setAttribute("aria-label", label);
    return made;
  }

  function detail(change, s) {
    const q = change.query, box = node("div", "fx-detail"), share = shares(q, s);
    const score = scores(q, share, s, s.t_sf), side = node("div", "fx-side");
    const own = picture("q" + q, `Query ${nameOf(q)}`, FULL);
    if (own) side.append(own);
    const table = node("table"), head = node("tr");
    for (const title of ["class", "S_f", "S_c", "score"]) {
      const cell = node("th", "", title);
      cell.scope = "col";
      head.append(cell);
    }
    table.append(head);
    score.forEach((value, r) => {
      const label = top[q * R + r], line = node("tr", label === change.true ? "fx-true" : "");
      const name = data.classes[label] + (label === change.true ? " (true)" : "");
      line.append(node("td", "", name), node("td", "", probs[q * R + r].toFixed(3)));
      line.append(node("td", "", share ? share[r].toFixed(3) : "none"));
      line.append(node("td", "", value.toFixed(3)));
      table.append(line);
    });
    side.append(table);
    const list = node("ol", "fx-near");
    for (let k = 0; k < Math.min(s.topm, K); k++) {
      const sim = sims[q * K + k], label = near[q * K + k];
      if (!(sim > s.t_sc)) break;
      const counts = rankOf(q, label, Math.min(s.topn, R)) >= 0;
      const item = node("li", counts ? "" : "fx-out"), row = rows ? rows[q * K + k] : -1;
      const shown = picture("d" + row, `Neighbour ${data.classes[label]}`, FULL);
      if (shown) item.append(shown);
      item.append(node("span", "", `${data.classes[label]} ${sim.toFixed(3)}`));
      list.append(item);
    }
    const caption = `neighbours over T_sc: ${list.childElementCount}` +
      (list.querySelector(".fx-out") ? "; pale ones are of no competing class" : "");
    const neighbours = node("div", "fx-neighbours");
    neighbours.append(node("p", "fx-caption", caption), list);
    box.append(side, neighbours);
    return box;
  }

  const open = new Set();
  let all = false;

  function drawChanges(result, s) {
    const order = ["rectified", "spoiled", "still wrong"], list = part("changes");
    const changes = result.changed.map((change) => ({ change, kind: kindOf(change) }));
    changes.sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind));
    list.replaceChildren();
    for (const { change, kind } of all ? changes : changes.slice(0, SHOWN)) {
      const entry = node("details", "fx-change fx-" + kind.replace(" ", "-"));
      const line = node("summary"), own = picture("q" + change.query, "", SMALL);
      if (own) own.setAttribute("aria-hidden", "true");
      const words = node("span");
      words.append(node("strong", "", kind), " ", nameOf(change.query), ": ",
        data.classes[change.before], " → ", data.classes[change.after]);
      if (kind === "still wrong") words.append(` (true: ${data.classes[change.true]})`);
      if (own) line.append(own);
      line.append(words);
      entry.append(line);
      const fill = () => entry.childElementCount > 1 || entry.append(detail(change, s));
      if (open.has(change.query)) {
        entry.open = true;
        fill();
      }
      entry.addEventListener("toggle", () => {
        if (entry.open) open.add(change.query), fill();
        else if (entry.isConnected) open.delete(change.query);
      });
      list.append(entry);
    }
    if (!changes.length) list.append(node("p", "fx-caption", "No answer changes."));
    const more = part("more");
    more.hidden = all || changes.length <= SHOWN;
    more.textContent = `Show all ${changes.length} changed answers`;
  }

  let setting = { ...data.settings.start };

  function update() {
    const result = evaluate(setting), [low, high] = wilson(result.correct);
    const count = (kind) => result.changed.filter((change) => kindOf(change) === kind).length;
    const accuracy = result.correct / Q, before = result.before / Q;
    const words = `Re-ranked ${percent(accuracy)} % (${percent(low)} to ${percent(high)}), ` +
      `classification alone ${percent(before)} %: ${count("rectified")} rectified, ` +
      `${count("spoiled")} spoiled, ${count("still wrong")} changed and still wrong.`;
    part("accuracy").textContent = `${percent(accuracy)} %`;
    part("interval").textContent = `${percent(low)} to ${percent(high)}`;
    part("before").textContent = `${percent(before)} %`;
    for (const kind of ["rectified", "spoiled", "still wrong"])
      part(kind).textContent = String(count(kind));
    part("summary").textContent = words;
    drawCurve(result, setting);
    drawChanges(result, setting);
    Object.assign(part("results").dataset, {
      accuracy, low, high, before, correct: result.correct,
      rectified: count("rectified"), spoiled: count("spoiled"), wrong: count("still wrong"),
      changed: JSON.stringify(result.changed.map((c) => [c.query, c.true, c.before, c.after])),
      curve: JSON.stringify(result.curve), setting: JSON.stringify(setting),
    });
  }

  function show() {
    for (const field of root.querySelectorAll("input[data-key]")) {
      const value = setting[field.dataset.key];
      if (field.type === "radio") field.checked = field.value === value;
      else field.value = String(value);
      field.removeAttribute("aria-invalid");
    }
  }

  // JupyterLab takes no key for a shortcut from an element that is marked so itself.
  root.addEventListener("focusin", (event) => {
    event.target.dataset.lmSuppressShortcuts = "true";
  });
  root.addEventListener("input", (event) => {
    const field = event.target, key = field.dataset.key;
    if (!key) return;
    let value = field.value;
    if (field.type !== "radio") {
      value = field.value.trim() === "" ? NaN : Number(field.value);
      const whole = field.dataset.whole === "true";
      const fits = !whole ||
        (Number.isInteger(value) && value >= Number(field.min) && value <= Number(field.max));
      if (!Number.isFinite(value) || !fits) {
        field.setAttribute("aria-invalid", "true");
        return;
      }
      field.removeAttribute("aria-invalid");
      for (const twin of root.querySelectorAll(`input[data-key='${key}']`))
        if (twin !== field) twin.value = String(value), twin.removeAttribute("aria-invalid");
    }
    setting = { ...setting, [key]: value };
    update();
  });
  root.addEventListener("click", (event) => {
    const reset = event.target.dataset.reset;
    if (reset) {
      setting = { ...data.settings[reset] };
      show();
      update();
    } else if (event.target === part("more")) {
      all = true;
      update();
    }
  });
  buildControls();
  show();
  update();
}
