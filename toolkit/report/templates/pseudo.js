// Reviewing pseudo-labels: filter, order, and the list of ticked images.
{
  const get = (id) => document.getElementById(id);
  const cards = [...document.querySelectorAll("article")];
  const groups = [...document.querySelectorAll(".cards")];
  const box = (card) => card.querySelector("input");

  function filter() {
    const text = get("name").value.toLowerCase();
    const label = get("class").value;
    let shown = 0;
    for (const card of cards) {
      const fits = card.dataset.name.toLowerCase().includes(text)
        && (label === "" || card.dataset.classes.split(" ").includes(label));
      card.hidden = !fits;
      shown += fits;
    }
    get("count").textContent = `${shown} of ${cards.length} images`;
  }

  function sort() {
    const key = get("order").value.replace(/-(.)/g, (_, letter) => letter.toUpperCase());
    const byName = (a, b) => (a.dataset.name < b.dataset.name ? -1 : 1);
    const figure = (card) => (key in card.dataset ? Number(card.dataset[key]) : -1);
    const order = key === "name" ? byName : (a, b) => figure(a) - figure(b) || byName(a, b);
    for (const group of groups) group.append(...[...group.children].sort(order));
  }

  function list() {
    const names = cards.filter((card) => box(card).checked).map((card) => card.dataset.name).sort();
    get("ticked").textContent = names.length;
    get("list").value = names.map((name) => `${name}\n`).join("");
  }

  function tick(chosen, checked) {
    for (const card of chosen) box(card).checked = checked;
    list();
  }

  get("tools").addEventListener("submit", (event) => event.preventDefault());
  get("name").addEventListener("input", filter);
  get("class").addEventListener("change", filter);
  get("order").addEventListener("change", sort);
  get("all").addEventListener("click", () => tick(cards.filter((card) => !card.hidden), true));
  get("none").addEventListener("click", () => tick(cards, false));
  get("copy").addEventListener("click", () => {
    // Works for a page that was opened from the disk too, unlike navigator.clipboard.
    get("list").select();
    document.execCommand("copy");
  });
  for (const card of cards) box(card).addEventListener("change", list);
  filter();
  list();
}
