using System.Collections.Immutable;
using FedActors.Core.Identity;

namespace FedActors.Core.Data;

/// <summary>One hospital's patients: those it trains on, and those kept back at the hospital (may be empty).</summary>
public sealed record HospitalData(HospitalId Hospital, PatientTable Train, PatientTable Test);

/// <summary>A dataset split over hospitals, as only a simulation may see it.</summary>
/// <param name="Hospitals">Sorted by id; every one has training rows, of both classes unless the split allows
/// one.</param>
/// <param name="Test">What every model of the comparison is judged on: the hospitals' test rows, or rows no hospital
/// holds.</param>
/// <param name="External">Rows of hospitals outside the federation, or null.</param>
/// <param name="Inputs">How each feature was made from the columns, for <c>model.json</c>.</param>
public sealed record FederatedData(
    ImmutableArray<HospitalData> Hospitals, PatientTable Test, PatientTable? External, ImmutableArray<InputDescription> Inputs);

/// <summary>How a model's input is made: (column - Centre) / Scale, or 1 where the column holds one of OneOf, else
/// 0.</summary>
public sealed record InputDescription(
    string Feature, string Column, double Centre, double Scale, ImmutableArray<string> OneOf);
