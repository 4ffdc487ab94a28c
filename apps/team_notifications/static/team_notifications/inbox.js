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

if (window.htmx) {
  document.querySelectorAll("[data-bell]").forEach(makeDisclosure);
  // What the page shows is out of date (a thread that is gone, another session): show what is there now.
  document.body.addEventListener("htmx:responseError", () => location.reload());
}
