// Sign-in with a provider: the buttons, and the page to return to.

import { call } from "./api.js";
import { element, onSubmit } from "./page.js";

const BACK = "back-from-provider";

// Adds one button per provider. If the list cannot be loaded, people can still sign in with a password.
export async function offerProviders() {
  const { items } = await call("GET", "/v1/external-providers").catch(() => ({ items: [] }));
  const form = element("providers");
  for (const { name, label } of items) {
    const button = document.createElement("button");
    button.className = "action second";
    button.type = "submit";
    button.value = name;
    button.textContent = `Continue with ${label}`;
    form.insertBefore(button, form.lastElementChild);
  }
  form.hidden = items.length === 0;
  onSubmit(form, (event) => leaveFor(event.submitter.value));
}

async function leaveFor(provider) {
  const started = await call("POST", "/v1/external-authorizations", { provider, cookie: true });
  sessionStorage.setItem(BACK, location.pathname + location.search);
  location.assign(started.authorization_url);
}

// The page to return to: one of ours, or the sign-in page, which shows the signed-in account.
export function wayBack() {
  const back = sessionStorage.getItem(BACK) ?? "";
  sessionStorage.removeItem(BACK);
  return /^\/(oauth\/authorize|account\/)/.test(back) ? back : "/account/sign-in";
}
