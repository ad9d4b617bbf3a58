"use strict";
/* Choosing rows of a list: all of a page, all that match, and how many. Without it the boxes and
   buttons work all the same; this counts, and keeps a button off while nothing is chosen. */
(() => {
  for (const list of document.querySelectorAll("[data-select]")) {
    const rows = [...list.querySelectorAll("[data-select-row]")];
    const all = list.querySelector("[data-select-all]");
    const matching = list.querySelector("[data-select-matching]");
    const said = list.querySelector("[data-select-count]");
    const actions = [...list.querySelectorAll("[data-select-action]")];

    function show() {
      const chosen = rows.filter((one) => one.checked).length;
      const n = matching?.checked ? Number(list.dataset.total) : chosen;
      rows.forEach((one) => {
        one.closest("tr").classList.toggle("chosen", one.checked || Boolean(matching?.checked));
        one.disabled = Boolean(matching?.checked);
      });
      if (all) {
        all.checked = rows.length > 0 && chosen === rows.length;
        all.indeterminate = chosen > 0 && chosen < rows.length;
        all.disabled = Boolean(matching?.checked);
      }
      if (said) {
        const text = n === 0 ? said.dataset.none : n === 1 ? said.dataset.one : said.dataset.many.replace("{n}", n);
        if (said.textContent !== text) said.textContent = text;
      }
      actions.forEach((one) => { one.disabled = n === 0; one.toggleAttribute("data-off", n === 0); });
    }

    let last = null;
    list.addEventListener("click", (event) => {
      const at = rows.indexOf(event.target);
      if (at < 0) return;
      if (event.shiftKey && last !== null) {
        const [from, to] = [Math.min(at, last), Math.max(at, last)];
        rows.slice(from, to + 1).forEach((one) => { one.checked = event.target.checked; });
      }
      last = at;
    });
    list.addEventListener("change", (event) => {
      if (event.target === all) rows.forEach((one) => { one.checked = all.checked; });
      show();
    });
    addEventListener("pageshow", show);
    show();
  }
})();
