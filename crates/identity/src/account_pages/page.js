// What these pages have in common: parts that are shown in turn, messages, forms that are busy.

export const element = (id) => document.getElementById(id);

// Who is asked for the password: a page that looks like this one elsewhere is another.
element("host").textContent = location.host;

// Shows one part of the page and hides the others; whoever listens instead of looking is told where they are.
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

// Runs `work` when the form is sent, one at a time, and shows what it is refused with beside the field that is wrong.
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

// Where the person came from, if that is a page of ours which asks people to sign in first.
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

// The button that shows a password while it is typed.
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
