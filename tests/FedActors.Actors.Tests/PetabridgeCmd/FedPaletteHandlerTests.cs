using Akka.Actor;
using FedActors.Actors.Operations;
using FedActors.Actors.Operations.Palette;
using FedActors.Actors.Tests.TestKit;
using FedActors.Core;
using FedActors.Core.Federation;
using FedActors.Core.Identity;
using FedActors.Core.Protocol;
using FedActors.Core.Rounds;
using FedActors.PetabridgeCmd;
using Petabridge.Cmd;
using Host = Petabridge.Cmd.Host.PetabridgeCmd;

namespace FedActors.Actors.Tests.PetabridgeCmd;

/// <summary>
/// The adapter against a stub of the package's public types: not against the package, and not against <c>pbm</c>.
/// </summary>
public sealed class FedPaletteHandlerTests : ActorTest
{
    private static readonly DateTimeOffset At = new(2026, 11, 24, 12, 0, 0, TimeSpan.Zero);

    [Test]
    public void The_palette_is_registered_as_fed_with_every_command_on_loopback()
    {
        FedPaletteHandler.Start(Sys, Hub(JobStage.Done));

        var door = Host.Get(Sys);
        Assert.That(door.IsStarted, Is.True);
        var palette = door.Registered.Single().Palette;
        Assert.That(palette.ModuleName, Is.EqualTo("fed"));
        Assert.That(palette.Commands.Select(command => command.Name),
            Is.EqualTo(OperatorPalette.All.Select(command => $"{command.Group}-{command.Name}"))
                .And.Contains("rounds-watch"));
        Assert.That(Sys.Settings.Config.GetString("petabridge.cmd.host"), Is.EqualTo("127.0.0.1"));
        Assert.That(Sys.Settings.Config.GetInt("petabridge.cmd.port"), Is.EqualTo(9110));
    }

    [Test]
    public void Rounds_watch_tells_a_line_for_each_round_and_ends_when_the_job_has()
    {
        var handler = Connect(Hub(JobStage.Done));

        handler.Tell(new Command("rounds-watch", []), TestActor);

        Assert.That(ExpectMsg<CommandResponse>().Msg, Does.StartWith("Round 1 is committed: 2 hospitals in, 0 out"));
        Assert.That(ExpectMsg<CommandResponse>(), Is.EqualTo(new CommandResponse("Job small: done, its model", false)));
        Assert.That(ExpectMsg<CommandResponse>().Final, Is.True);
    }

    [Test]
    public void A_value_has_a_switch_and_what_is_missing_or_refused_is_an_error_with_its_number()
    {
        var handler = Connect(Hub(JobStage.Done));

        handler.Tell(new Command("job-show", [Tuple.Create("--name", "small")]), TestActor);
        Assert.That(ExpectMsg<CommandResponse>(), Is.EqualTo(new CommandResponse("Job small: done, its model", false)));
        while (!ExpectMsg<CommandResponse>().Final)
        {
        }
        handler.Tell(new Command("job-show", []), TestActor);
        Assert.That(ExpectMsg<ErroredCommandResponse>().Err, Does.StartWith("FA-7092").And.Contains("--name"));
        handler.Tell(new Command("job-show", [Tuple.Create("--name", "other")]), TestActor);
        Assert.That(ExpectMsg<ErroredCommandResponse>().Err, Does.StartWith("FA-7093"));
        handler.Tell(new Command("job-submit", [Tuple.Create("--file", "nowhere.conf")]), TestActor);
        Assert.That(ExpectMsg<ErroredCommandResponse>().Err, Does.StartWith("FA-1001"));
    }

    [Test]
    public void Who_hangs_up_follows_no_more()
    {
        var asked = CreateTestProbe();
        var handler = Connect(Hub(JobStage.Waiting, asked));
        handler.Tell(new Command("rounds-watch", []), TestActor);
        asked.ExpectMsg<JobDesk.ViewWanted>();
        Assert.That(ExpectMsg<CommandResponse>().Msg, Does.Contain("waits for hospitals"));

        Watch(handler);
        Sys.Stop(handler);
        ExpectTerminated(handler);

        while (asked.HasMessages)
            asked.ReceiveOne(TimeSpan.Zero);
        asked.ExpectNoMsg(TimeSpan.FromMilliseconds(600));
    }

    private IActorRef Connect(OperatorHub hub)
    {
        var handler = new FedPaletteHandler(hub);
        handler.OnRegister(new Host(Sys));
        return Sys.ActorOf(handler.HandlerProps);
    }

    private OperatorHub Hub(JobStage stage, IActorRef? asked = null) =>
        new(Sys.ActorOf(Props.Create<Desk>(stage, asked ?? ActorRefs.Nobody)), () => [], TimeProvider.System);

    private sealed class Desk : ReceiveActor
    {
        public Desk(JobStage stage, IActorRef asked)
        {
            var record = new RoundRecord(
                new RoundId("small", 1, 1), [new HospitalId("berlin"), new HospitalId("paris")], [], Digest.Of("m"u8),
                    0.5, null, 16, 0, 9, 9,
                TimeSpan.FromSeconds(1), Digest.Of("s"u8));
            var job = new DeskJob("small", "", At, stage, stage == JobStage.Done ? "its model" : "", false);
            Receive<JobDesk.ViewWanted>(wanted =>
            {
                asked.Tell(wanted);
                Sender.Tell(new JobDesk.View(
                    [new JobDesk.JobView(job, stage, null)],
                        [new JobDesk.HospitalView(new HospitalId("berlin"), false, null, null)]));
            });
            Receive<JobDesk.Ask>(ask => Sender.Tell(ask.Job == "small"
                ? new JobProtocol.JobRecords(stage == JobStage.Done ? [record] : [], [])
                : new JobDesk.Refused(ExitCode.BadInput, [])));
        }
    }
}
