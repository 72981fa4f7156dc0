"""The gates at a terminal: shows what is asked about, asks, and records the decision."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Final

from rich.text import Text

from cli.keyboard import Keyboard, choice_in, menu
from cli.output import Output
from cli.process import CHANNEL
from cli.render import moments_table
from cli.render_approval import waits_for_others
from cli.render_gate import diff_parts, gate_parts
from cli.service import Service
from engine.views import ApprovalView, EpicView
from epics.access_errors import Forbidden
from epics.approvals import ApprovalStatus, Choice, Decision
from epics.callers import current_caller
from epics.errors import AlreadyDecided, AlreadyVoted, InvalidInput, Superseded

LATER: Final = "later"
DIFF: Final = "diff"

_QUESTIONS: Final = {
    Choice.CHANGES: "What should change? ",
    Choice.REJECT: "Why? (Enter: no reason) ",
    Choice.RETRY: "What should the next attempt do differently? (Enter: nothing to add) ",
    Choice.ROLLBACK: "What should be done differently from there? (Enter: nothing to add) ",
    Choice.ABANDON: "Why? (Enter: no reason) ",
}


class Gatekeeper:
    """Asks the person at the terminal what an epic waits for."""

    def __init__(self, service: Service, output: Output, keyboard: Keyboard | None = None) -> None:
        self._service = service
        self._output = output
        self._keyboard = keyboard or Keyboard()

    async def settled(self, epic: EpicView) -> bool:
        """Ask until the gate of this epic has its decision; False if the person leaves it for later."""
        approval = await self._service.approval(epic.waiting_on or epic.id)
        content = await self._service.gate_content(approval.id)
        self._output.show(*gate_parts(approval, content))
        while (decision := await self._decision(approval)) is not None:
            try:
                decided = await self._service.decide(approval.id, decision, content_hash=approval.content_hash)
            except InvalidInput as error:
                self._output.say(f"{error}", style="yellow")
            except (Forbidden, AlreadyVoted) as error:
                # It is for others, and they are not at this terminal.
                self._output.say(f"{error}", style="yellow")
                return False
            except (AlreadyDecided, Superseded) as error:
                # Somebody else was quicker, or the thing has changed: the epic goes on, and asks again if it must.
                self._output.say(f"{error}", style="yellow")
                return True
            else:
                if decided.status is ApprovalStatus.PENDING:
                    self._output.say(waits_for_others(decided), style="yellow")
                return decided.status is not ApprovalStatus.PENDING
        return False

    async def _decision(self, approval: ApprovalView) -> Decision | None:
        words = [*approval.options, DIFF, LATER]
        while True:
            line = await self._ask(f"\n{approval.question}\n{menu(words)} > ")
            if line is None:
                return None
            chosen = choice_in(line, words)
            match chosen:
                case None:
                    self._output.say(f"type one of: {menu(words)}", style="yellow")
                case (word, _) if word == LATER:
                    return None
                case (word, _) if word == DIFF:
                    self._output.show(*diff_parts(await self._service.changes(approval.epic)))
                case (word, comment):
                    return await self._completed(approval, Choice(word), comment)

    async def _completed(self, approval: ApprovalView, choice: Choice, comment: str) -> Decision | None:
        """Ask for what the choice needs beside itself; None if the input ends."""
        to: int | None = None
        amount: Decimal | None = None
        if choice is Choice.ROLLBACK:
            self._output.show(moments_table(await self._service.moments(approval.epic)))
            to = _number(await self._ask("Back to which moment? N = "))
        if choice is Choice.RAISE:
            amount = _amount(await self._ask("By how many US dollars? $"))
        if not comment and choice in _QUESTIONS:
            answer = await self._ask(_QUESTIONS[choice])
            if answer is None:
                return None
            comment = answer
        return Decision(choice=choice, comment=comment, by=current_caller().person, channel=CHANNEL, to=to, amount_usd=amount)

    async def _ask(self, question: str) -> str | None:
        self._output.person.print(Text(question, style="bold"), end="")
        self._output.person.file.flush()
        return await self._keyboard.line()


def _number(line: str | None) -> int | None:
    return int(line) if line and line.isascii() and line.isdigit() and int(line) > 0 else None


def _amount(line: str | None) -> Decimal | None:
    try:
        amount = Decimal((line or "").lstrip("$"))
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and amount > 0 else None
