"use strict";
/* The frame's behavior: theme, menus, navigation on a phone, palette, toasts. Every page works
   without it; this only makes it quicker. */
(() => {
  const $ = (query, root = document) => root.querySelector(query);

  document.addEventListener("click", (event) => {
    const theme = event.target.closest("[data-set-theme]");
    if (theme) setTheme(theme.dataset.setTheme);
    if (event.target.closest("[data-open-nav]")) $(".side").classList.toggle("open");
    else if (!event.target.closest(".side")) $(".side.open")?.classList.remove("open");
    if (event.target.closest("[data-open-palette]")) openPalette();
    if (event.target.closest("[data-dismiss]")) event.target.closest(".notice").remove();
    document.querySelectorAll("details.menu[open]").forEach((menu) => {
      if (!menu.contains(event.target)) menu.open = false;
    });
  });

  function setTheme(theme) {
    if (theme === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    document.cookie = `theme=${theme}; path=/; max-age=31536000; samesite=lax`;
    document.dispatchEvent(new Event("quartier:theme"));
  }

  function openPalette() {
    const dialog = $("dialog.palette");
    if (!dialog || dialog.open) return;
    dialog.showModal();
    $("input", dialog).select();
  }

  /* Enter may be faster than the answer: it opens the first hit of what is typed, never one of
     an earlier word, and waits for it if need be. */
  let enterWaits = false;
  function openHit(dialog) {
    const answered = $(".found [data-query]", dialog)?.dataset.query;
    const typed = $("input", dialog).value.trim().slice(0, 80);
    enterWaits = answered !== typed;
    if (enterWaits) return;
    const links = [...dialog.querySelectorAll(".found a")];
    (links.find((link) => link.classList.contains("here")) || links[0])?.click();
  }
  document.addEventListener("input", (event) => { if (event.target.closest("dialog.palette")) enterWaits = false; });
  document.addEventListener("htmx:afterSettle", () => {
    const dialog = $("dialog.palette[open]");
    if (dialog && enterWaits) openHit(dialog);
  });

  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") { event.preventDefault(); openPalette(); }
    if (event.key === "Escape") document.querySelectorAll("details.menu[open]").forEach((menu) => { menu.open = false; });
    const dialog = $("dialog.palette[open]");
    if (!dialog || !["ArrowDown", "ArrowUp", "Enter"].includes(event.key)) return;
    event.preventDefault();
    if (event.key === "Enter") { openHit(dialog); return; }
    const links = [...dialog.querySelectorAll(".found a")];
    const at = links.findIndex((link) => link.classList.contains("here"));
    const next = (at + (event.key === "ArrowDown" ? 1 : -1) + links.length) % links.length;
    links.forEach((link, i) => link.classList.toggle("here", i === next));
    links[next]?.scrollIntoView({ block: "nearest" });
  });

  document.addEventListener("input", (event) => {
    if (event.target.matches("[data-filter]")) {
      const words = event.target.value.toLowerCase();
      document.querySelectorAll(event.target.dataset.filter).forEach((one) => {
        one.hidden = !one.textContent.toLowerCase().includes(words);
      });
    }
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
  });
  document.addEventListener("submit", (event) => {
    const button = event.submitter;
    if (button && event.target.method === "post" && !event.defaultPrevented) setTimeout(() => { button.disabled = true; });
  });
  /* What scrolls sideways can be scrolled with the keyboard too. */
  function reachable() {
    document.querySelectorAll(".scroll").forEach((one) => {
      if (one.scrollWidth > one.clientWidth || one.scrollHeight > one.clientHeight) one.tabIndex = 0;
    });
  }
  document.addEventListener("DOMContentLoaded", reachable);
  document.addEventListener("htmx:afterSettle", reachable);
  addEventListener("pageshow", () => document.querySelectorAll("button[disabled][type=submit]").forEach((one) => {
    if (!one.hasAttribute("data-off")) one.disabled = false;
  }));
})();
