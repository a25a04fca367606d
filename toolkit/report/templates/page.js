"use strict";
const all = (selector, where = document) => [...where.querySelectorAll(selector)];

// Tables: a click on a heading sorts by it, largest or "a" first, the second click the other way.
function cellValue(row, column, isText) {
  const cell = row.cells[column];
  const value = cell.dataset.value ?? cell.textContent.trim();
  const number = isText ? Number.NaN : Number.parseFloat(value);
  return value === "" || value === "–" ? null : Number.isNaN(number) ? value.toLowerCase() : number;
}
function compare(a, b) {
  if (a === null || b === null) return (a === null) - (b === null);
  return typeof a === typeof b ? (a > b) - (a < b) : String(a) < String(b) ? -1 : 1;
}
for (const button of all("th button")) {
  button.addEventListener("click", () => {
    const heading = button.closest("th");
    const table = heading.closest("table");
    const isText = heading.classList.contains("text"); // "3D printer" is no number
    const before = heading.getAttribute("aria-sort");
    const down = isText ? before === "ascending" : before !== "descending";
    for (const other of all("th[aria-sort]", table)) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", down ? "descending" : "ascending");
    const column = heading.cellIndex;
    const rows = all("tbody tr", table);
    const known = (row) => cellValue(row, column, isText) !== null;
    const sorted = rows.filter(known)
      .sort((a, b) => compare(cellValue(a, column, isText), cellValue(b, column, isText)) * (down ? -1 : 1));
    table.tBodies[0].append(...sorted, ...rows.filter((row) => !known(row)));
  });
}

// The matrix: shares of the truth, shares of the predictions, or pixels.
for (const choice of all("select[data-matrix]")) {
  const cells = all("td[data-values]", document.getElementById(choice.dataset.matrix));
  choice.addEventListener("change", () => {
    for (const cell of cells) {
      const [text, shade] = cell.dataset.values.split("|")[Number(choice.value)].split(";");
      cell.textContent = text;
      cell.style.setProperty("--v", shade);
    }
  });
}

// Charts: the values at the pointer, or at the place that the arrow keys choose.
for (const chart of all("svg.chart[data-lines]")) {
  const { x: xName, names, area: [left, right], range: [low, high], bottom, lines } = JSON.parse(chart.dataset.lines);
  const xs = [...new Set(lines.flatMap((line) => line.points.map(([x]) => x)))].sort((a, b) => a - b);
  const reading = chart.closest("figure").querySelector(".reading");
  const cursor = chart.querySelector(".cursor");
  const place = (x) => left + (high > low ? (x - low) / (high - low) : 0.5) * (right - left);
  let chosen = null;
  const show = (index) => {
    chosen = index;
    cursor.style.visibility = index === null ? "hidden" : "visible";
    if (index === null) { reading.textContent = ""; return; }
    const x = xs[index];
    cursor.setAttribute("x1", place(x));
    cursor.setAttribute("x2", place(x));
    cursor.setAttribute("y2", bottom);
    const values = lines.map(({ name, points }) => {
      const y = points.find(([at]) => at === x)?.[1];
      return y == null ? null : `${name} ${Number(y.toPrecision(4))}`;
    });
    reading.textContent = `${xName} ${names?.[x] ?? Number(x.toPrecision(4))}: ${values.filter(Boolean).join(" · ")}`;
  };
  chart.addEventListener("pointermove", (event) => {
    const box = chart.getBoundingClientRect();
    const at = (event.clientX - box.left) / box.width * chart.viewBox.baseVal.width;
    const gaps = xs.map((x) => Math.abs(place(x) - at));
    show(gaps.indexOf(Math.min(...gaps)));
  });
  chart.addEventListener("pointerleave", () => show(null));
  chart.addEventListener("blur", () => show(null));
  chart.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const from = chosen ?? (step > 0 ? -1 : xs.length);
    show(Math.max(0, Math.min(xs.length - 1, from + step)));
  });
}

// Cards: filter and order; layers of pictures.
for (const form of all("form.tools[data-cards]")) {
  const box = document.getElementById(form.dataset.cards);
  const cards = all("article", box);
  const order = () => {
    const [key, sign] = form.elements.order.value.split(" ");
    const byName = (a, b) => (a.dataset.name < b.dataset.name ? -1 : 1);
    const label = form.elements.label.value;
    const ofClasses = { share: "shares", miss: "misses", alarm: "alarms" }[key];
    const text = (card) => (ofClasses && Number(label)
      ? card.dataset[ofClasses].match(`(?:^| )${label}:(\\S+)`)?.[1] ?? "" : card.dataset[key]);
    const figure = (card) => (text(card) === "" ? Infinity : Number(text(card)) * sign);
    box.append(...[...cards].sort((a, b) => (key === "name" ? 0 : figure(a) - figure(b)) || byName(a, b)));
  };
  const filter = () => {
    const text = form.elements.name.value.toLowerCase();
    const label = form.elements.label.value;
    let shown = 0;
    for (const card of cards) {
      const fits = card.dataset.name.toLowerCase().includes(text)
        && (label === "" || card.dataset.labels.split(" ").includes(label));
      card.hidden = !fits;
      shown += fits;
    }
    form.querySelector("[role=status]").textContent = `${shown} of ${cards.length} ${form.dataset.what}`;
  };
  form.addEventListener("submit", (event) => event.preventDefault());
  form.elements.order.addEventListener("change", order);
  form.elements.name.addEventListener("input", filter);
  form.elements.label.addEventListener("change", () => { filter(); order(); });
  order();
  filter();
}
for (const card of all("article:has(.stack)")) {
  const stack = card.querySelector(".stack");
  const range = card.querySelector("input[type=range]");
  range.addEventListener("input", () => stack.style.setProperty("--at", `${range.value}%`));
  for (const radio of all("input[type=radio]", card)) {
    radio.addEventListener("change", () => {
      for (const layer of all(".layer", stack)) layer.hidden = layer.dataset.layer !== radio.value;
    });
  }
}

// Parts of which one is shown at a time.
for (const form of all("form.tools[data-pick]")) {
  const choice = form.querySelector("select");
  const show = () => {
    for (const part of document.getElementById(form.dataset.pick).children) {
      part.hidden = part.dataset.picked !== choice.value;
    }
  };
  form.addEventListener("submit", (event) => event.preventDefault());
  choice.addEventListener("change", show);
  show();
}

// Pictures of which one layer is shown.
for (const form of all("form.tools[data-show]")) {
  const choice = form.querySelector("select");
  const show = () => { document.getElementById(form.dataset.show).dataset.shown = choice.value; };
  form.addEventListener("submit", (event) => event.preventDefault());
  choice.addEventListener("change", show);
  show();
}

// Rows of a table that hold all words of a filter.
for (const input of all("input[data-table]")) {
  const rows = all("tbody tr", document.getElementById(input.dataset.table));
  const filter = () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of rows) row.hidden = !words.every((word) => row.textContent.toLowerCase().includes(word));
    input.form.querySelector("[role=status]").textContent = `${rows.filter((row) => !row.hidden).length} of ${rows.length}`;
  };
  input.form.addEventListener("submit", (event) => event.preventDefault());
  input.addEventListener("input", filter);
  filter();
}
