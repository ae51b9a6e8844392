// Lists the applications with access to the signed-in account, each with a button to withdraw the access.

import { call } from "./api.js";
import { element, onSubmit } from "./page.js";

export async function showApplications() {
  const { items } = await call("GET", "/v1/me/applications");
  element("applications").hidden = items.length === 0;
  element("application-list").replaceChildren(...items.map(line));
}

function line({ id, name, scopes, sessions }) {
  const [item, form, text, small, button, message] = ["li", "form", "span", "small", "button", "p"].map((tag) =>
    document.createElement(tag),
  );
  const uses = sessions === 1 ? "1 session" : `${sessions} sessions`;
  text.textContent = name;
  small.textContent = `${uses} · ${scopes.join(", ")}`;
  text.append(small);
  Object.assign(button, { type: "submit", className: "withdraw", textContent: "Withdraw" });
  button.setAttribute("aria-label", `Withdraw access for ${name}`);
  Object.assign(message, { className: "message", hidden: true });
  message.setAttribute("role", "alert");
  form.append(text, button, message);
  onSubmit(form, async () => {
    await call("DELETE", `/v1/me/applications/${id}`);
    await showApplications();
  });
  item.append(form);
  return item;
}
