"""Webhooks added, listed, tested and removed, and their messages sent again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.text import Text

from cli.errors import ExitCode
from cli.output import Output
from cli.render import clean, table
from cli.words import ago
from config.settings import Settings
from engine.engine import Engine
from engine.views import Page
from engine.webhook_views import MessageView, WebhookView
from epics.errors import InvalidInput


def secret_in(settings: Settings, variable: str | None) -> str | None:
    """The secret that a variable of the environment holds.

    Raises:
        InvalidInput: if the variable is not set.
    """
    if variable is None:
        return None
    secret = settings.secret_named(variable)
    if secret is None:
        raise InvalidInput(f"the variable {variable} is not set: put the secret in it, or leave --secret-from-env out")
    return secret.get_secret_value()


async def add(
    engine: Engine, output: Output, url: str, *, name: str | None, events: Sequence[str], secret: str | None, allow_private: bool
) -> int:
    """Add a webhook, and show its new secret this once."""
    made = await engine.webhooks.add(url, name=name, events=events, secret=secret, allow_private=allow_private)
    output.say(f"webhook {made.name} is told of {', '.join(made.events) or 'all events'}", style="green")
    if made.secret is not None:
        output.say(f"its secret, which is not shown again: {made.secret if not output.as_json else '(in the JSON)'}")
    output.say(f"try it: genie webhook test {made.name}")
    if output.as_json:
        output.json(made)
    return ExitCode.DONE


async def list_webhooks(engine: Engine, output: Output) -> int:
    """List the webhooks."""
    found = await engine.webhooks.all()
    output.answer(record=Page[WebhookView](items=found), parts=_webhooks(found))
    return ExitCode.DONE


async def test(engine: Engine, output: Output, name: str) -> int:
    """Send a ping and show what was answered."""
    tried = await engine.webhooks.test(name)
    if output.as_json:
        output.json(tried)
    elif tried.delivered:
        output.say(f"webhook {name} answered {tried.answer} in {tried.seconds:.3f} s", style="green")
    else:
        output.say(f"webhook {name} did not take the ping: {tried.problem}", style="red")
    if tried.body and not output.as_json:
        output.say(tried.body[:500])
    return ExitCode.DONE if tried.delivered else ExitCode.FAILED


async def remove(engine: Engine, output: Output, name: str) -> int:
    """Remove a webhook."""
    await engine.webhooks.remove(name)
    output.say(f"webhook {name} is removed")
    return ExitCode.DONE


async def deliveries(engine: Engine, output: Output, name: str, *, dead: bool, limit: int) -> int:
    """List the messages of a webhook."""
    found = await engine.webhooks.messages(name, dead=dead, limit=limit)
    output.answer(record=Page[MessageView](items=found), parts=_messages(found))
    return ExitCode.DONE


async def resend(engine: Engine, output: Output, message: int | None, name: str | None) -> int:
    """Send one message again, or all that were given up."""
    if message is not None:
        await engine.webhooks.resend(message)
        output.say(f"message {message} is sent again by the next worker that looks")
    else:
        count = await engine.webhooks.resend_dead(name)
        output.say(f"{count} messages are sent again by the next worker that looks")
    return ExitCode.DONE


def _webhooks(found: Sequence[WebhookView]) -> Iterator[RenderableType]:
    if not found:
        yield Text("there is no webhook: add one with `genie webhook add URL`")
        return
    rows = [
        (
            each.name,
            clean(each.url, 100),
            ", ".join(each.events) or "all",
            str(each.pending),
            str(each.dead),
            clean(each.problem or "", 200),
        )
        for each in found
    ]
    yield table(("NAME", "URL", "EVENTS", "PENDING", "DEAD", "PROBLEM"), rows, right=("PENDING", "DEAD"))


def _messages(found: Sequence[MessageView]) -> Iterator[RenderableType]:
    if not found:
        yield Text("there is no such message")
        return
    rows = [
        (
            str(each.id),
            each.status,
            each.epic,
            str(each.event),
            each.type,
            str(each.tries),
            ago(each.created_at),
            clean(each.problem or "", 200),
        )
        for each in found
    ]
    yield table(("ID", "STATUS", "EPIC", "EVENT", "TYPE", "TRIES", "AGO", "PROBLEM"), rows, right=("ID", "EVENT", "TRIES", "AGO"))
