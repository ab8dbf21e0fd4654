using System.Globalization;
using System.Text.Json.Nodes;
using FedActors.Cli;
using FedActors.Core;
using FedActors.Core.Privacy;

namespace FedActors.EndToEnd.Tests.Cli;

public sealed class PrivacyCommandsTests
{
    private StringWriter _output = null!;
    private StringWriter _progress = null!;
    private string _file = null!;

    [SetUp]
    public void Begin() =>
        (_output, _progress, _file) = (new StringWriter(), new StringWriter(), Path.GetTempFileName());

    [TearDown]
    public void Clean() => File.Delete(_file);

    [TestCase("rdp")]
    [TestCase("rdp-integer")]
    [TestCase("pld")]
    public async Task Epsilon_is_what_the_named_accountant_says(string name)
    {
        var exit =
            await Run("epsilon", "--sampling-rate", "0.01", "--noise-multiplier", "1.1", "--steps", "1000", "--delta",
                "1e-6", "--accountant", name, "--json");

        IPrivacyAccountant accountant =
            name switch { "rdp" => RdpAccountant.Standard, "pld" => PldAccountant.Empty, _ => RdpAccountant.Integer };
        var spent = accountant.Compose(new DpEvent.SampledGaussian(0.01, 1.1, 1000)).Spent(1e-6);
        var document = JsonNode.Parse(_output.ToString())!;
        Assert.That(exit, Is.Zero);
        Assert.That((double)document["epsilon"]!, Is.EqualTo(spent.Epsilon));
        Assert.That((double)document["delta"]!, Is.EqualTo(1e-6));
        Assert.That((string)document["accountant"]!, Is.EqualTo(name));
        Assert.That((double?)document["order"], Is.EqualTo(spent.Order));
    }

    [Test]
    public async Task Noise_reaches_the_target_and_the_analytic_mechanism_has_its_own_command()
    {
        await Run("noise", "--epsilon", "2", "--delta", "1e-6", "--sampling-rate", "0.01", "--steps", "1000", "--json");
        var document = JsonNode.Parse(_output.ToString())!;
        Assert.That((double)document["noiseMultiplier"]!, Is.EqualTo(1.0938725918).Within(1e-8));
        Assert.That((double)document["epsilon"]!, Is.InRange(1.99999, 2));

        _output.GetStringBuilder().Clear();
        await Run("gaussian", "--epsilon", "1", "--delta", "1e-5", "--json");
        Assert.That((double)JsonNode.Parse(_output.ToString())!["noiseMultiplier"]!,
            Is.EqualTo(3.7306316348159418).Within(1e-11));
    }

    [Test]
    public async Task A_file_is_printed_with_the_answers_behind_its_own_columns_and_numbers_round_trip()
    {
        File.WriteAllText(_file,
            "note,sampling_rate,noise_multiplier,steps,delta\n\"a, b\",0.01,1.1,1000,1e-6\nplain,1,2,10,1e-5\n");
        var exit = await Run("epsilon", "--from", _file);

        var lines = _output.ToString().TrimEnd('\n').Split('\n');
        Assert.That(exit, Is.Zero);
        Assert.That(lines, Has.Length.EqualTo(3));
        Assert.That(lines[0], Is.EqualTo("note,sampling_rate,noise_multiplier,steps,delta,epsilon,accountant,order"));
        Assert.That(lines[1], Does.StartWith("\"a, b\",0.01,1.1,1000,1e-6,"));
        Assert.That(
            double.Parse(lines[2].Split(',')[5], CultureInfo.InvariantCulture),
            Is.EqualTo(RdpAccountant.Standard.Compose(new DpEvent.SampledGaussian(1, 2, 10)).Spent(1e-5).Epsilon));
    }

    [TestCase("rdp")]
    [TestCase("pld")]
    public async Task The_noise_that_a_file_is_answered_with_spends_the_epsilon_it_was_told(string accountant)
    {
        File.WriteAllText(_file,
            "epsilon,delta,sampling_rate,steps,accountant\n"
                + $"1,1e-5,0.01,300,{accountant}\n4,1e-6,0.2,40,{accountant}\n");
        Assert.That(await Run("noise", "--from", _file), Is.Zero, _progress.ToString());
        var noises = Rows();
        File.WriteAllLines(_file, noises
            .Select(row => string.Join(',', row[1], row[2], row[3], row[4], row[5]))
            .Prepend("delta,sampling_rate,steps,accountant,noise_multiplier"));

        _output.GetStringBuilder().Clear();
        Assert.That(await Run("epsilon", "--from", _file), Is.Zero, _progress.ToString());
        Assert.That(Rows().Select(row => row[5]), Is.EqualTo(noises.Select(row => row[6])), "to the last digit");
    }

    [Test]
    public async Task The_events_of_a_ledger_and_of_a_plan_as_a_file_give_the_epsilon_that_was_charged_and_shown()
    {
        var release = new DpEvent.SampledGaussian(0.1, 2, 5);
        var terms = PrivacyTerms.Of(release, 3, 1e-6);
        File.WriteAllText(_file,
            "job { name = small, privacy { mode = patient-local, epsilon = 2, sampling-rate = 0.1 } }");
        Assert.That(await Run("plan", _file, "--json"), Is.Zero, _progress.ToString());
        var plan = JsonNode.Parse(_output.ToString())!;
        _output.GetStringBuilder().Clear();
        File.WriteAllLines(_file,
        [
            "sampling_rate,noise_multiplier,steps,delta,accountant",
            Line(release.SamplingRate, release.NoiseMultiplier, terms.Releases * release.Steps, 1e-6, "rdp-integer"),
            Line((double)plan["samplingRate"]!, (double)plan["noiseMultiplier"]!,
                (long)plan["releases"]! * (long)plan["stepsPerRound"]!, (double)plan["delta"]!, "pld"),
        ]);

        Assert.That(await Run("epsilon", "--from", _file), Is.Zero, _progress.ToString());

        Assert.That(Rows().Select(row => double.Parse(row[5], CultureInfo.InvariantCulture)),
            Is.EqualTo(new[] { terms.Cost.Epsilon, (double)plan["epsilonShown"]! }));

        static string Line(double rate, double noise, long steps, double delta, string accountant) =>
            string.Create(CultureInfo.InvariantCulture, $"{rate:R},{noise:R},{steps},{delta:R},{accountant}");
    }

    // What was printed, its header left out.
    private string[][] Rows() =>
        [.. _output.ToString().TrimEnd('\n').Split('\n').Skip(1).Select(line => line.Split(','))];

    [Test]
    public async Task Every_bad_row_is_told_with_its_line_and_column_and_nothing_is_printed()
    {
        File.WriteAllText(_file, "epsilon,delta\n1,1e-5\n-1,1e-5\n1,word\n1,1e-5,9\n");
        var exit = await Run("gaussian", "--from", _file);

        Assert.That(exit, Is.EqualTo((int)ExitCode.BadInput));
        Assert.That(_output.ToString(), Is.Empty);
        Assert.That(_progress.ToString(),
            Does.Contain("line 3, column 'epsilon'").And.Contain("line 4, column 'delta'").And.Contain("line 5"));
    }

    [TestCase("epsilon", "sampling-rate", "0", "FA-6003")]
    [TestCase("epsilon", "noise-multiplier", "-1", "FA-6004")]
    [TestCase("epsilon", "steps", "0", "FA-6005")]
    [TestCase("epsilon", "steps", "1.5", "FA-6005")]
    [TestCase("epsilon", "delta", "1", "FA-6002")]
    [TestCase("epsilon", "delta", "NaN", "FA-6002")]
    [TestCase("epsilon", "accountant", "magic", "FA-1007")]
    [TestCase("noise", "epsilon", "0", "FA-6001")]
    [TestCase("noise", "accountant", "rdp-integer", "FA-1007")]
    public async Task A_bad_value_is_refused_with_its_number_and_exit_code_4(
        string command, string option, string value, string code)
    {
        var given = new Dictionary<string, string> { ["sampling-rate"] = "0.1", ["steps"] = "10", ["delta"] = "1e-5" };
        given[command == "noise" ? "epsilon" : "noise-multiplier"] = "2";
        given[option] = value;
        var exit = await Run([command, .. given.SelectMany(pair => new[] { $"--{pair.Key}", pair.Value })]);

        Assert.That(exit, Is.EqualTo((int)ExitCode.BadInput));
        Assert.That(_progress.ToString(), Does.Contain(code).And.Contain($"--{option}"));
    }

    [Test]
    public async Task What_is_missing_is_named()
    {
        Assert.That(await Run("gaussian", "--epsilon", "1"), Is.EqualTo((int)ExitCode.BadInput));
        Assert.That(_progress.ToString(), Does.Contain("--delta"));
        Assert.That(await Run("gaussian", "--from", "no-such.csv"), Is.EqualTo((int)ExitCode.BadInput));
        Assert.That(_progress.ToString(), Does.Contain("FA-2001"));
    }

    private Task<int> Run(params string[] arguments)
    {
        var terminal = new Terminal(
            Terminal.ConsoleOn(_output, plain: true, colours: false),
            Terminal.ConsoleOn(_progress, plain: true, colours: false), IsLive: false,
            _ => null, TimeProvider.System);
        return new CommandLine(terminal, (_, _, _) => throw new InvalidOperationException("Nobody trains here."), [])
            .RunAsync(["privacy", .. arguments]);
    }
}
