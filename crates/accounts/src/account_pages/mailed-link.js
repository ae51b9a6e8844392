// Handles links from e-mails. The token is in the URL fragment (after `#`), which browsers never send. It is removed from
// the address bar immediately, so that it does not appear in the history or in screenshots.

import { Refusal, call } from "./api.js";
import { element, onSubmit, show } from "./page.js";

// Calls `begin` with the token and the purpose of the link, now and when another link is opened in this page. An invalid
// link shows the section `spent`, a page without a token the section `no-token`.
export function followLink(begin) {
  const follow = async () => {
    const token = takeToken();
    if (!token) return show("no-token");
    const link = await inspect(token);
    if (link) begin(token, link);
    else show("spent");
  };
  // Removing the token from the address bar does not trigger this event.
  window.addEventListener("hashchange", follow);
  follow();
}

// Like `onSubmit`, for a form whose link may have become invalid. `otherwise` is the message for the same error if the link
// is still valid.
export function onSubmitOfLink(form, tokenOf, work, otherwise = null) {
  onSubmit(form, async (event) => {
    try {
      await work(event);
    } catch (refusal) {
      if (refusal.code !== "invalid_token") throw refusal;
      if (!(await inspect(tokenOf()))) return show("spent");
      throw otherwise ? new Refusal(otherwise, refusal.status) : refusal;
    }
  });
}

// Clears input that was typed for another link.
export function clearForms() {
  for (const form of document.forms) form.reset();
  for (const message of document.querySelectorAll(".message")) message.hidden = true;
}

// Tells password managers which account the password belongs to.
export function fillUsername(link) {
  element("username").value = link.email ?? "";
}

function takeToken() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  history.replaceState(null, "", location.pathname);
  return token;
}

// Returns the purpose of a link, or null if it is invalid. If the request fails, submitting the form will tell.
async function inspect(token) {
  try {
    return await call("POST", "/v1/mailed-links/inspection", { token });
  } catch (refusal) {
    return ["invalid_token", "invalid_input"].includes(refusal.code) ? null : {};
  }
}
