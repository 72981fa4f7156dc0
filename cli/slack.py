"""`genie slack …`: the options of each command; what they do stands in slack_commands.py."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.options import JsonOption, command_group

app = command_group("Meet Genie in Slack: make its app, and say which channel is about what.")

ChannelArgument = Annotated[
    str,
    typer.Argument(metavar="CHANNEL", help="The id of a channel, at the bottom of its details in Slack.", show_default=False),
]


@app.command(short_help="Print the manifest from which Slack makes the app.")
def manifest(
    url: Annotated[
        str | None,
        typer.Option(
            "--url", metavar="URL", help="Where Slack reaches your server, by https; without it Socket Mode is used.", show_default=False
        ),
    ] = None,
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="What the app is called.")] = "Genie",
    as_json: JsonOption = False,
) -> None:
    """Print the manifest from which Slack makes the app: at api.slack.com/apps, "Create New App", "From a manifest"."""
    from cli import slack_commands
    from cli.process import finish

    finish(lambda: slack_commands.manifest(url, name=name, as_json=as_json))


@app.command("map", short_help="Let a channel be about a repository.")
def map_channel(
    channel: ChannelArgument,
    repo: Annotated[
        str,
        typer.Argument(metavar="REPO", help="A path or a URL; or a pattern such as https://git.example.org/shop/*.", show_default=False),
    ],
    base: Annotated[
        str | None, typer.Option("--base", metavar="BRANCH", help="The branch of epics that are started there.", show_default=False)
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Let a channel be about a repository: what is asked for there is done to it, and its epics are shown there."""
    from cli import slack_commands
    from cli.output import Output
    from cli.session import with_engine

    with_engine(lambda engine: slack_commands.map_channel(engine, Output(as_json=as_json), channel, repo, base))


@app.command(short_help="Let a channel be about nothing any more.")
def unmap(channel: ChannelArgument) -> None:
    """Let a channel be about nothing any more; threads that are there stay."""
    from cli import slack_commands
    from cli.output import Output
    from cli.session import with_engine

    with_engine(lambda engine: slack_commands.unmap(engine, Output(), channel))


@app.command(short_help="List what channels are about.")
def channels(as_json: JsonOption = False) -> None:
    """List which channel is about which repository."""
    from cli import slack_commands
    from cli.output import Output
    from cli.session import with_engine

    with_engine(lambda engine: slack_commands.channels(engine, Output(as_json=as_json)))


@app.command(short_help="Show what waits for Slack, and what is wrong.")
def status(as_json: JsonOption = False) -> None:
    """Show the workspace, what waits to be shown there, and what is wrong with which thread."""
    from cli import slack_commands
    from cli.output import Output
    from cli.session import with_engine

    with_engine(lambda engine: slack_commands.status(engine, Output(as_json=as_json)))


@app.command("test", short_help="Ask Slack whether all is set up.")
def check(as_json: JsonOption = False) -> None:
    """Ask Slack whether the tokens hold, the app may do what it needs, and it is in its channels; exit code 1 if not."""
    from cli import slack_commands
    from cli.output import Output
    from cli.session import with_engine
    from config.settings import Settings

    settings = Settings.from_env()
    with_engine(lambda engine: slack_commands.test(engine, settings, Output(as_json=as_json)), settings=settings)
