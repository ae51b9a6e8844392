// The link of a mail: its token stands behind `#`, which browsers send to nobody. It leaves the address bar at once, so
// that it stays in no history and on no screenshot.

import { Refusal, call } from "./api.js";
import { element, onSubmit, show } from "./page.js";

// Calls `begin` with the token and what the link is good for, now and whenever another link is opened in this page. A link
// that is good for nothing shows the part `spent`, and a page without one the part `no-token`.
export function followLink(begin) {
  const follow = async () => {
    const token = takeToken();
    if (!token) return show("no-token");
    const link = await inspect(token);
    if (link) begin(token, link);
    else show("spent");
  };
  // Taking the token out of the address bar is no such change.
  window.addEventListener("hashchange", follow);
  follow();
}

// Like `onSubmit`, for a form whose link may be used up by now. `otherwise` is what the same refusal says where the link is
// still good.
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

// A form must not hold what was typed for another link.
export function clearForms() {
  for (const form of document.forms) form.reset();
  for (const message of document.querySelectorAll(".message")) message.hidden = true;
}

// Tells a password manager whose password is in the form.
export function fillUsername(link) {
  element("username").value = link.email ?? "";
}

function takeToken() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  history.replaceState(null, "", location.pathname);
  return token;
}

// What a link is good for; null when it is good for nothing. Where that cannot be asked, sending the form tells.
async function inspect(token) {
  try {
    return await call("POST", "/v1/mailed-links/inspection", { token });
  } catch (refusal) {
    return ["invalid_token", "invalid_input"].includes(refusal.code) ? null : {};
  }
}
