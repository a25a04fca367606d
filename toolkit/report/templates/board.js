// The wall: cards of a member, tag and status, with all words of a text, in an order.
for (const form of all("form.tools[data-wall]")) {
  const wall = document.getElementById(form.dataset.wall);
  const cards = all("article", wall);
  const filter = () => {
    const { member, tag, status, words } = form.elements;
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    const texts = (card) => card.textContent.toLowerCase();
    let shown = 0;
    for (const card of cards) {
      const fits = (member.value === "" || JSON.parse(card.dataset.members).includes(member.value))
        && (tag.value === "" || JSON.parse(card.dataset.tags).includes(tag.value))
        && (status.value === "" || card.dataset.status === status.value)
        && wanted.every((word) => texts(card).includes(word));
      card.hidden = !fits;
      shown += fits;
    }
    form.querySelector("[role=status]").textContent = `${shown} of ${cards.length} cards`;
    for (const column of all(".column", wall)) {
      column.querySelector(".none").hidden = all("article:not([hidden])", column).length > 0;
    }
  };
  const order = () => {
    const key = form.elements.order.value;
    const value = (card) => (card.dataset[key] === "" ? -Infinity : Number(card.dataset[key]));
    for (const pile of all(".pile", wall)) {
      pile.append(...all("article", pile).sort((a, b) => value(b) - value(a)));
    }
  };
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", filter);
  form.elements.order.addEventListener("change", order);
  filter();
}
