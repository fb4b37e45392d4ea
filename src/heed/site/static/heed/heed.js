// Heed's own script: palette, list keys, help, dismissals. Every page reads and every form works without it.
"use strict";

const find = (selector, root = document) => root.querySelector(selector);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const typing = (target) => target.closest("input, textarea, select, [contenteditable]") !== null;

const openDialog = (id) => {
  const dialog = document.getElementById(id);
  if (!dialog || dialog.open) return;
  dialog.showModal();
  const input = find("input", dialog);
  if (input) {
    input.select();
    input.dispatchEvent(new Event("palette-open"));
  }
};

// Lists: any element marked data-rows holds rows; j and k move, Enter opens, x presses.
const rows = () => all("[data-rows] > .row, [data-rows] > tr");
const move = (step) => {
  const list = rows();
  if (!list.length) return;
  const now = list.findIndex((row) => row.classList.contains("cur"));
  const next = Math.min(Math.max(now + step, 0), list.length - 1);
  list.forEach((row) => row.classList.remove("cur"));
  list[next].classList.add("cur");
  const link = find("[data-open], a", list[next]);
  if (link) link.focus({ preventScroll: true });
  list[next].scrollIntoView({ block: "nearest" });
};
const press = (selector) => {
  const target = find(`.cur ${selector}`);
  if (target) target.click();
};

// Palette: the arrows walk the results while the input keeps the focus.
const walkResults = (event) => {
  const links = all("#palette-results a");
  if (!links.length) return;
  const now = links.findIndex((link) => link.classList.contains("cur"));
  if (event.key === "Enter" && now >= 0) {
    event.preventDefault();
    links[now].click();
    return;
  }
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const next = (now + step + links.length) % links.length;
  links.forEach((link) => {
    link.classList.remove("cur");
    link.removeAttribute("aria-current");
  });
  links[next].classList.add("cur");
  links[next].setAttribute("aria-current", "true");
  links[next].scrollIntoView({ block: "nearest" });
};

const listKeys = {
  j: () => move(1),
  k: () => move(-1),
  x: () => press("[data-press]"),
  "/": () => find(".top input[type=search]")?.focus(),
  "?": () => openDialog("help"),
  Enter: () => press("[data-open]"),
};

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "k") {
    event.preventDefault();
    openDialog("palette");
    return;
  }
  if (event.target.closest("#palette")) {
    walkResults(event);
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || find("dialog[open]")) return;
  const onControl = event.target.closest("a, button, summary") !== null;
  if (event.key === "Enter" && onControl) return;
  const action = listKeys[event.key];
  if (!action) return;
  event.preventDefault();
  action();
});

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-opens]");
  if (opener) openDialog(opener.dataset.opens);
  const dismiss = event.target.closest("[data-dismiss]");
  if (dismiss) dismiss.closest(".note").remove();
  if (event.target.matches("dialog")) event.target.close();
  all("details.me[open]").forEach((menu) => {
    if (!menu.contains(event.target)) menu.open = false;
  });
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  all("details.me[open]").forEach((menu) => {
    menu.open = false;
    find("summary", menu).focus();
  });
});

// allauth says so when the browser refuses a passkey or its owner cancels.
document.addEventListener("allauth.error", (event) => {
  const note = document.getElementById("passkey-failed");
  if (!note) return;
  event.preventDefault();
  note.hidden = false;
});

document.addEventListener("DOMContentLoaded", () => {
  all("[data-dismiss]").forEach((button) => (button.hidden = false));
  const mac = /mac|iphone|ipad/i.test(navigator.userAgentData?.platform || navigator.platform || "");
  if (mac) all("[data-palette-key]").forEach((key) => (key.textContent = "⌘ K"));
  const tab = find(".tabs [aria-current]");
  if (tab) tab.parentElement.scrollLeft = tab.offsetLeft - (tab.parentElement.clientWidth - tab.offsetWidth) / 2;
  const summary = find(".errors");
  if (summary) summary.focus();
});
