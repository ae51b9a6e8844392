// Asks for consent before an application gets access to the account (RFC 6749 §10.2, RFC 8252 §8.6).

import { call } from "./api.js";
import { element, onSubmit, show } from "./page.js";

// Milliseconds that the page must be visible before it accepts an answer, so that a click meant for another window has no
// effect.
const SETTLED = 700;

// Shows the question, and calls `decide` with "allow" or "deny".
export async function askForConsent({ client_name, recipient, is_identity_assured, permissions }, decide) {
  const me = await call("GET", "/v1/me");
  element("client-name").textContent = client_name;
  element("account").textContent = [me.email ?? me.name, me.organization?.name, me.role].filter(Boolean).join(" · ");
  element("permissions").replaceChildren(...permissions.map(item));
  element("recipient").textContent = is_identity_assured
    ? `You will be redirected to ${recipient}. You can withdraw the access at any time.`
    : `The access is given to a program on this device: ${recipient}. You can withdraw it at any time.`;
  element("unassured").hidden = is_identity_assured;
  const form = element("consent-form");
  onSubmit(form, (event) => decide(event.submitter.value));
  onSubmit(element("switch-form"), async () => {
    await call("DELETE", "/v1/sessions/current");
    location.reload();
  });
  show("consent");
  takeAnswersOnceSettled(form);
}

function item({ name, help }) {
  const line = document.createElement("li");
  line.textContent = help;
  line.title = name;
  return line;
}

function takeAnswersOnceSettled(form) {
  let timer;
  const settle = () => {
    clearTimeout(timer);
    enable(form, false);
    if (document.visibilityState === "visible" && document.hasFocus()) {
      timer = setTimeout(() => enable(form, true), SETTLED);
    }
  };
  for (const [target, event] of [[document, "visibilitychange"], [window, "focus"], [window, "blur"]]) {
    target.addEventListener(event, settle);
  }
  settle();
}

function enable(form, enabled) {
  for (const button of form.querySelectorAll("button")) button.disabled = !enabled;
}
