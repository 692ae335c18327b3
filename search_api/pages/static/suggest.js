// Suggestions under the search box, as an ARIA combobox. Without this file the form works just the same.
"use strict";

for (const input of document.querySelectorAll("input[data-suggest]")) {
  const list = document.createElement("ul");
  const status = document.createElement("p");
  let current = -1;
  let timer = 0;
  let asked = 0;

  list.id = `${input.id}-suggestions`;
  list.className = "suggestions";
  list.hidden = true;
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", input.dataset.suggestLabel);
  status.className = "hidden";
  status.setAttribute("aria-live", "polite");
  input.after(list, status);
  input.setAttribute("role", "combobox");
  input.setAttribute("aria-autocomplete", "list");
  input.setAttribute("aria-controls", list.id);
  input.setAttribute("aria-expanded", "false");

  const close = () => {
    list.hidden = true;
    current = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  };

  const take = (title) => {
    input.value = title;
    close();
    input.form.requestSubmit();
  };

  const show = (titles) => {
    list.replaceChildren(...titles.map((title, index) => {
      const option = document.createElement("li");
      option.id = `${list.id}-${index}`;
      option.setAttribute("role", "option");
      option.setAttribute("aria-selected", "false");
      option.textContent = title;
      // mousedown comes before the blur that would close the list.
      option.addEventListener("mousedown", (event) => { event.preventDefault(); take(title); });
      return option;
    }));
    current = -1;
    list.hidden = titles.length === 0;
    input.setAttribute("aria-expanded", String(!list.hidden));
    input.removeAttribute("aria-activedescendant");
    status.textContent = titles.length ? `${titles.length} ${input.dataset.suggestFound}` : "";
  };

  const ask = async () => {
    const turn = ++asked;
    const text = input.value.trim();
    if (!text) { close(); return; }
    try {
      const answer = await fetch(`${input.dataset.suggest}?size=8&q=${encodeURIComponent(text.slice(0, 64))}`);
      const found = answer.ok ? (await answer.json()).suggestions.map((each) => each.title) : [];
      // An answer that a later one has overtaken is not shown.
      if (turn === asked && document.activeElement === input) show([...new Set(found)]);
    } catch {
      close();
    }
  };

  const move = (step) => {
    const options = list.children;
    options[current]?.setAttribute("aria-selected", "false");
    current = (current + step + options.length + (current < 0 && step < 0 ? 1 : 0)) % options.length;
    options[current].setAttribute("aria-selected", "true");
    options[current].scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", options[current].id);
  };

  input.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(ask, 150); });
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    if (event.isComposing || list.hidden) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      move(event.key === "ArrowDown" ? 1 : -1);
    } else if (event.key === "Enter" && current >= 0) {
      event.preventDefault();
      take(list.children[current].textContent);
    } else if (event.key === "Escape") {
      event.preventDefault();
      close();
    }
  });
}
