using System.CommandLine;
using System.Text.Json.Nodes;
using FedActors.Actors.Configuration;
using FedActors.Core;
using FedActors.Core.Federation;
using FedActors.Core.Numerics;
using FedActors.Simulation.Results;

namespace FedActors.Cli;

/// <summary><c>fedactors privacy plan</c>: what a job's promise costs and means, before anybody trains.</summary>
internal static class PrivacyPlanCommand
{
    public static Command Create(Terminal terminal, Option<bool> json)
    {
        var job = new Argument<string>("JOB.conf") { Description = "The job's HOCON file." };
        var question = new JobQuestion();
        var command = new CommandWithExample(
            "plan",
            "What a job's privacy costs and means: noise, epsilon by round, signal against noise, and what "
                + "dropouts do to it.",
            "fedactors privacy plan samples/heart-disease/job.conf --data DIR --set job.privacy.mode=patient-local "
                + "--set job.privacy.epsilon=1") { job };
        question.AddTo(command);
        command.SetAction(parsed =>
        {
            var file = parsed.GetValue(job)!;
            var (plan, size) = question.Read(parsed, file);
            if (plan.Privacy.Mode == PrivacyMode.Off)
                throw new FaultException(
                    new Fault(FaultNumber.MissingKey,
                        "The job has no privacy to plan: mode = off promises nothing about a single patient.",
                    $"{file}: job.privacy.mode",
                    "Give a mode and an epsilon, for example --set job.privacy.mode=patient-local --set "
                        + "job.privacy.epsilon=2."));
            var forecast = PrivacyForecast.Of(plan, size);
            if (parsed.GetValue(json))
                terminal.OutputText.WriteLine(Document(plan, size, forecast).ToJsonString(ResultJson.Indented));
            else
                Print(terminal.OutputText, plan, size, forecast);
            return (int)ExitCode.Done;
        });
        return command;
    }

    private static string UnitOf(JobPlan plan) => plan.Privacy.Mode == PrivacyMode.Hospital
        ? "a whole hospital"
        : "all records of one patient of one hospital";

    private static JsonObject Document(JobPlan plan, JobSize? size, PrivacyForecast forecast) => new()
    {
        ["job"] = plan.Name,
        ["mode"] = Names.Of(plan.Privacy.Mode),
        ["unit"] = UnitOf(plan),
        ["neighbours"] = "add or remove",
        ["noiseMultiplier"] = forecast.NoiseMultiplier,
        ["epsilon"] = forecast.Enforced.Epsilon,
        ["epsilonShown"] = forecast.Shown,
        ["delta"] = forecast.Enforced.Delta,
        ["samplingRate"] = plan.Privacy.SamplingRate,
        ["rounds"] = plan.Training.Rounds,
        ["releases"] = JobPrivacy.Releases(plan),
        ["stepsPerRound"] = JobPrivacy.StepsPerRound(plan),
        ["epsilonAfter"] =
        new JsonArray(
            [.. forecast.Course.Select(point =>
                new JsonObject { ["rounds"] = point.Rounds, ["epsilon"] = point.Epsilon })]),
        ["hospitals"] = size?.Hospitals,
        ["patients"] = size?.Patients,
        ["parameters"] = size?.Parameters,
        ["signalToNoise"] = forecast.SignalToNoise,
        ["dropouts"] = new JsonArray([.. forecast.Dropouts.Select(dropout => new JsonObject
        {
            ["share"] = dropout.Share, ["hospitals"] = dropout.Hospitals, ["signalToNoise"] = dropout.SignalToNoise,
        })]),
        ["falseAlarms"] = PrivacyForecast.FalseAlarms,
        ["found"] = forecast.Found,
        ["meaning"] = forecast.Meaning(plan.Privacy.Mode),
    };

    private static void Print(TextWriter output, JobPlan plan, JobSize? size, PrivacyForecast forecast)
    {
        string Text(double value) => NumberText.Of(value, 4);
        string Some(long count, string what) => $"{FigureText.Count(count)} {what}{(count == 1 ? "" : "s")}";
        void Line(string name, string value) => output.WriteLine($"{name,-22}{value}");

        Line("job",
            $"{plan.Name}, {Some(plan.Training.Rounds, "round")} and "
                + $"{JobPrivacy.Releases(plan) - plan.Training.Rounds} spare, "
                + $"{Some(JobPrivacy.StepsPerRound(plan), "noisy sum")} each");
        Line("mode", Names.Of(plan.Privacy.Mode));
        Line("hidden", $"{UnitOf(plan)}, added or removed");
        Line("noise",
            $"{Text(forecast.NoiseMultiplier)} times the clip of {Text(plan.Privacy.Clip)}, at a sampling rate of "
                + $"{Text(plan.Privacy.SamplingRate)}");
        Line("epsilon",
            $"{FigureText.Bound(forecast.Enforced.Epsilon)} enforced, {FigureText.Bound(forecast.Shown)} shown, at "
                + $"delta {NumberText.Of(forecast.Enforced.Delta)}");
        foreach (var (rounds, epsilon) in forecast.Course)
            Line($"  after {Some(rounds, "round")}", FigureText.Bound(epsilon));
        if (size is { } known && forecast.SignalToNoise is { } ratio)
        {
            Line("signal to noise",
                $"at best {Text(ratio)}, in one step over {Some(known.Hospitals, "hospital")}, "
                    + $"{Some(known.Patients, "patient")}, {Some(known.Parameters, "parameter")}");
            foreach (var dropout in forecast.Dropouts)
                Line($"  {Text(100 * dropout.Share)} % drop out", dropout.SignalToNoise is { } left
                    ? $"at best {Text(left)} with {Some(dropout.Hospitals, "hospital")}; epsilon stays"
                    : $"no sum: {dropout.Hospitals} are too few, and the attempt is charged");
        }
        else
            Line("signal to noise", "not known: the job file does not say where its data are");
        output.WriteLine();
        output.WriteLine(forecast.Meaning(plan.Privacy.Mode));
        output.WriteLine(
            "Not covered: a patient of several hospitals (the losses add up), what is true of whole groups, timing, "
                + "hospital insiders.");
    }
}
