// Manages passkeys and recovery codes, and shows the other second factors.

import { call } from "./api.js";
import { element, onSubmit, show } from "./page.js";
import { makePasskey, takesPasskeys } from "./passkey.js";
import { whoIsSignedIn } from "./sign-in-form.js";
import { provingWho } from "./step-up.js";

const DAY = new Intl.DateTimeFormat(undefined, { dateStyle: "long" });
// Warn when this many recovery codes or fewer are left.
const FEW = 3;

let chosen = null;

begin().catch((refusal) => {
  element("reason").textContent = refusal.message;
  show("refused");
});

async function begin() {
  const me = await whoIsSignedIn();
  if (!me) return location.replace("/account/sign-in?next=/account/security");
  element("who").textContent = element("username").value = me.email ?? me.name;
  element("where").textContent = [me.organization?.name, me.role].filter(Boolean).join(" · ");
  element("add-form").hidden = !takesPasskeys();
  await draw();
  show("security");
}

async function draw() {
  const [passkeys, factors] = await Promise.all([call("GET", "/v1/me/passkeys"), call("GET", "/v1/me/second-factors")]);
  element("passkeys").replaceChildren(...passkeys.items.map(row));
  element("app-state").textContent = factors.totp_since ? `In use since ${day(factors.totp_since)}.` : "Not set up.";
  element("recovery").hidden = !factors.enrolled;
  element("recovery-left").textContent = `${factors.recovery_codes} left`;
  element("recovery-left").classList.toggle("warn", factors.recovery_codes <= FEW);
}

function row(passkey) {
  const line = made("div", { className: "row" });
  const text = made("div", { textContent: passkey.name });
  const used = passkey.last_used_at ? `last used ${day(passkey.last_used_at)}` : "not used yet";
  text.append(made("small", { textContent: `Added ${day(passkey.created_at)}, ${used}` }));
  const rename = button("Rename", "button", () => {
    element("name").value = passkey.name;
    open("rename", passkey);
  });
  const remove = button("Remove", "button danger", () => {
    element("removed").textContent = passkey.name;
    open("remove", passkey);
  });
  for (const it of [rename, remove]) it.setAttribute("aria-label", `${it.textContent} ${passkey.name}`);
  line.append(text, rename, remove);
  return line;
}

function made(tag, properties) {
  return Object.assign(document.createElement(tag), properties);
}

function button(textContent, className, onclick) {
  const it = made("button", { type: "button", className, textContent });
  it.addEventListener("click", onclick);
  return it;
}

function day(moment) {
  return DAY.format(new Date(moment));
}

function open(dialog, passkey) {
  chosen = passkey;
  element(dialog).showModal();
}

// Runs `work` for a button whose messages appear below its card.
function onClick(form, message, work) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const it = form.querySelector("button");
    if (it.disabled) return;
    it.disabled = true;
    message.hidden = true;
    try {
      await work();
    } catch (refusal) {
      message.textContent = refusal.message;
      message.hidden = false;
    } finally {
      it.disabled = false;
    }
  });
}

onClick(element("add-form"), element("passkeys-message"), async () => {
  const { public_key } = await provingWho(() => call("POST", "/v1/me/passkeys/options"));
  const credential = await makePasskey(public_key);
  const added = await call("POST", "/v1/me/passkeys", { name: nameOfDevice(), credential });
  await draw();
  showCodes(added.recovery_codes);
});

onClick(element("recovery-form"), element("recovery-message"), async () => {
  const { recovery_codes: codes } = await provingWho(() => call("POST", "/v1/me/recovery-codes"));
  await draw();
  showCodes(codes);
});

onSubmit(element("rename-form"), async () => {
  await call("PUT", `/v1/me/passkeys/${chosen.id}/name`, { name: element("name").value.trim() });
  element("rename").close();
  await draw();
});

onSubmit(element("remove-form"), async () => {
  await provingWho(() => call("DELETE", `/v1/me/passkeys/${chosen.id}`));
  element("remove").close();
  await draw();
});

onSubmit(element("sign-out-form"), async () => {
  await call("DELETE", "/v1/sessions/current");
  location.replace("/account/sign-in");
});

for (const it of document.querySelectorAll("[data-close]")) {
  it.addEventListener("click", () => element(it.dataset.close).close());
}

// Shows nothing if the account already has a set.
function showCodes(codes) {
  if (!codes) return;
  element("code-list").replaceChildren(...codes.map((code) => made("li", { textContent: code })));
  element("codes").showModal();
}

// The initial name; the person can change it.
function nameOfDevice() {
  const system = navigator.userAgentData?.platform || navigator.platform || "this device";
  return `Passkey on ${system}`.slice(0, 100);
}
