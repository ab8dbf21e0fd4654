using System.Text.Json.Nodes;
using FedActors.Cli;
using Microsoft.Extensions.Time.Testing;

namespace FedActors.EndToEnd.Tests.Cli;

/// <summary>
/// <c>fedactors provision</c> from the first root to the last revocation, and what each of its commands refuses.
/// </summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class ProvisionCommandsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("fedactors-").FullName;
    private readonly FakeTimeProvider _clock = new(TimeProvider.System.GetUtcNow());
    private string _output = "";
    private string _error = "";

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Test]
    public async Task Seven_commands_found_a_federation_change_a_certificate_and_take_a_site_out()
    {
        await Found();
        await Done("provision package --office office --site berlin --out kit");
        var fingerprint = _output.TrimEnd().Split('\n')[^1];
        Assert.That(fingerprint, Does.Match("^[0-9a-f]{64}$"));
        await Done($"provision verify kit --key berlin/berlin.key --fingerprint {fingerprint}");
        Assert.That(_output, Does.Contain("'berlin' in 'demo' is whole"));
        Assert.That(_error, Is.Empty);

        _clock.Advance(TimeSpan.FromDays(340));
        await Done("provision verify kit --key berlin/berlin.key");
        Assert.That(_error, Does.StartWith("FA-7030"), "It ends soon.");

        await Done("provision csr --name berlin --dir new");
        await Done("provision rotate new/berlin.csr --office office --days 90");
        await Done("provision package --office office --site berlin --out new-kit");
        await Done("provision verify new-kit --key new/berlin.key --json");
        Assert.That(JsonNode.Parse(_output)!["version"]!.GetValue<int>(), Is.GreaterThan(1));
        await Refused(6, "FA-7020", "provision verify new-kit --key berlin/berlin.key");

        await Done("provision revoke --office office --site berlin");
        await Refused(4, "FA-7027", "provision package --office office --site berlin --out late");
    }

    [Test]
    public async Task What_would_overwrite_or_admit_the_wrong_one_is_refused()
    {
        await Found();
        await Refused(4, "FA-7024", "provision init --office office --federation demo --host 127.0.0.1");
        await Refused(4, "FA-7024", "provision csr --name berlin --dir berlin");
        await Refused(4, "FA-7026", "provision sign berlin/berlin.csr --office office");
        await Refused(4, "FA-7027", "provision package --office office --site rome --out kit");
        await Refused(4, "FA-7027", "provision revoke --office office --site rome");
        await Refused(4, "FA-7012", "provision sign berlin/berlin.csr --office nowhere");
        await Refused(4, "FA-7025", "provision sign berlin/berlin.key --office office");
        await Refused(4, "FA-1005", "provision csr --name .. --dir x");
        await Refused(4, "FA-1010", "provision sign berlin/berlin.csr --office office --days 0");
        await Done("provision csr --name rome --dir rome");
        await Refused(4, "FA-7027", "provision rotate rome/rome.csr --office office");
    }

    [Test]
    public async Task A_kit_that_is_not_the_offices_or_not_this_sites_is_refused_with_exit_code_6()
    {
        await Found();
        await Done("provision package --office office --site berlin --out kit");
        await Refused(6, "FA-7013", $"provision verify kit --fingerprint {new string('0', 64)}");
        await Refused(6, "FA-7020", "provision verify kit --key hub/hub.key");
        File.AppendAllText(Path.Combine(_folder, "kit", "manifest.json"), " ");
        await Refused(6, "FA-7013", "provision verify kit");
        File.Delete(Path.Combine(_folder, "kit", "manifest.json"));
        await Refused(4, "FA-7012", "provision verify kit");
    }

    private async Task Found()
    {
        await Done("provision init --office office --federation demo --host 127.0.0.1 --port 7071");
        foreach (var site in (string[])["hub", "berlin"])
        {
            await Done($"provision csr --name {site} --dir {site}");
            await Done($"provision sign {site}/{site}.csr --office office");
        }
    }

    private async Task Done(string arguments) => Assert.That(await Run(arguments), Is.Zero, arguments + "\n" + _error);

    private async Task Refused(int exitCode, string code, string arguments)
    {
        Assert.That(await Run(arguments), Is.EqualTo(exitCode), arguments + "\n" + _output + _error);
        Assert.That(_error, Does.StartWith(code), arguments);
    }

    // Words with a path of the test's folder get it whole.
    private async Task<int> Run(string arguments)
    {
        string[] paths = ["--office", "--dir", "--out", "--key", "verify", "sign", "rotate"];
        var words = arguments.Split(' ');
        for (var i = 1; i < words.Length; i++)
            if (paths.Contains(words[i - 1]))
                words[i] = Path.Combine(_folder, words[i]);
        var (output, error) = (new StringWriter(), new StringWriter());
        var terminal = new Terminal(
            Terminal.ConsoleOn(output, plain: true, colours: false),
                Terminal.ConsoleOn(error, plain: true, colours: false), false, _ => null, _clock);
        var exit = await new CommandLine(terminal, (_, _, _) => throw new NotSupportedException(), []).RunAsync(words);
        (_output, _error) = (output.ToString(), error.ToString());
        return exit;
    }
}
