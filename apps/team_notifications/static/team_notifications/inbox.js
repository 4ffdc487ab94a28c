// The bell: with this script its link opens a panel of the newest threads; without it, it leads to the inbox.

function makeDisclosure(bell) {
  const link = bell.querySelector(".bell-link");
  const panel = bell.querySelector(".bell-panel");

  let hadFocus = false;

  const isOpen = () => !panel.hidden;

  function show(open) {
    panel.hidden = !open;
    link.setAttribute("aria-expanded", String(open));
    if (open) panel.dispatchEvent(new Event("bell-opened"));
  }

  function close({ returnFocus = false } = {}) {
    show(false);
    if (returnFocus) link.focus();
  }

  link.setAttribute("role", "button");
  link.setAttribute("aria-controls", panel.id);
  link.setAttribute("aria-expanded", "false");

  link.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return; // opens the inbox in a tab or window of its own
    event.preventDefault();
    show(!isOpen());
  });
  link.addEventListener("keydown", (event) => {
    if (event.key !== " ") return; // a link follows Enter alone, a button the space bar too
    event.preventDefault();
    show(!isOpen());
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && isOpen()) close({ returnFocus: true });
  });
  document.addEventListener("click", (event) => {
    // composedPath, because htmx may have replaced what was clicked by now.
    if (isOpen() && !event.composedPath().includes(bell)) close();
  });
  bell.addEventListener("focusout", (event) => {
    if (isOpen() && event.relatedTarget && !bell.contains(event.relatedTarget)) close();
  });
  panel.addEventListener("click", (event) => {
    if (event.target.closest("a")) close(); // on the inbox it leads to a place on the same page
  });
  panel.addEventListener("htmx:beforeSwap", () => {
    hadFocus = panel.contains(document.activeElement);
  });
  panel.addEventListener("htmx:afterSettle", () => {
    if (hadFocus && !panel.contains(document.activeElement)) panel.focus(); // what had it is gone
  });
  panel.addEventListener("htmx:responseError", (event) => {
    event.stopPropagation();
    location.assign(link.href);
  });
}

// The list: selecting all that is shown, menus that close, and the focus, which outlives what it was on.

function selectAll(event) {
  const all = document.querySelector("[data-select-all]");
  if (!all) return;
  const boxes = [...document.querySelectorAll('.threads input[type="checkbox"][name="thread"]')];
  if (event.target === all) boxes.forEach((box) => (box.checked = all.checked));
  else if (boxes.includes(event.target)) all.checked = boxes.every((box) => box.checked);
}

function closeMenus(event) {
  const open = document.querySelectorAll(".menu[open], .bulk .choice[open]");
  open.forEach((menu) => {
    if (event.type === "click" && event.composedPath().includes(menu)) return;
    const hadFocus = menu.contains(document.activeElement);
    menu.open = false;
    if (hadFocus && event.type === "keydown") menu.querySelector("summary").focus();
  });
}

function keepFocus() {
  let place = -1;
  const threads = () => [...document.querySelectorAll(".threads .thread")];
  document.body.addEventListener("htmx:beforeSwap", () => {
    const now = threads().findIndex((thread) => thread.contains(document.activeElement));
    if (now >= 0) place = now;
  });
  document.body.addEventListener("htmx:afterSettle", (event) => {
    if (event.target.id !== "inbox-list" || document.activeElement !== document.body) return;
    const next = threads().at(Math.min(place, threads().length - 1));
    (next && place >= 0 ? next.querySelector(".menu > summary") : event.target).focus();
  });
}

document.addEventListener("change", selectAll);
document.addEventListener("click", closeMenus);
document.addEventListener("keydown", (event) => event.key === "Escape" && closeMenus(event));

if (window.htmx) {
  keepFocus();
  document.querySelectorAll("[data-bell]").forEach(makeDisclosure);
  // What the page shows is out of date (a thread that is gone, another session): show what is there now.
  document.body.addEventListener("htmx:responseError", () => location.reload());
}
