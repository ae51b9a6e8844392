// Shared by these pages: sections that are shown one at a time, messages, busy forms.

export const element = (id) => document.getElementById(id);

// Shows the host, so that people can recognize a page on another host that looks the same.
element("host").textContent = location.host;

// Shows one section of the page and hides the others. Moves the focus, so that screen readers announce the section.
export function show(id) {
  for (const part of document.querySelectorAll("main > section")) part.hidden = part.id !== id;
  const part = element(id);
  document.title = part.querySelector("h1").textContent;
  const first = part.querySelector("input:not([type=hidden]):not([hidden]):not([readonly])");
  const heading = part.querySelector("h1");
  heading.tabIndex = -1;
  (first ?? heading).focus();
}

export function say(form, text, good = false) {
  const message = form.querySelector(".message");
  message.textContent = text;
  message.hidden = text === "";
  message.classList.toggle("good", good);
}

// Runs `work` when the form is submitted, one submission at a time. Shows errors, and marks the invalid fields.
export function onSubmit(form, work) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button[type=submit]");
    if (button.disabled) return;
    button.disabled = true;
    say(form, "");
    for (const field of form.elements) field.removeAttribute("aria-invalid");
    try {
      await work(event);
    } catch (refusal) {
      say(form, refusal.message);
      mark(form, refusal.errors ?? []);
    } finally {
      button.disabled = false;
    }
  });
}

// The page that sent the person here to sign in, if it is one of ours.
export function wayBack() {
  const KNOWN = ["/docs", "/account/security"];
  const asked = new URLSearchParams(location.search).get("next") ?? "";
  if (!URL.canParse(asked, location.origin)) return null;
  const there = new URL(asked, location.origin);
  return there.origin === location.origin && KNOWN.includes(there.pathname) ? there.pathname + there.hash : null;
}

function mark(form, errors) {
  const wrong = errors.map((error) => form.elements[error.pointer.slice(1)]).filter(Boolean);
  for (const field of wrong) field.setAttribute("aria-invalid", "true");
  wrong[0]?.focus();
}

// The buttons that show a password while it is typed.
for (const button of document.querySelectorAll(".reveal")) {
  button.addEventListener("click", () => {
    const input = element(button.getAttribute("aria-controls"));
    const shown = input.type === "password";
    input.type = shown ? "text" : "password";
    button.textContent = shown ? "Hide" : "Show";
    button.setAttribute("aria-pressed", String(shown));
    input.focus();
  });
}
